// libtorch's random generator and thread pool are global to the process, so tests run one after another.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
