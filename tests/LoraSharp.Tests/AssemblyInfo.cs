using Xunit.Sdk;
using Xunit.v3;

// libtorch's random generator and thread pool are global to the process, so tests run one after another.
[assembly: Parallelization(Mode = ParallelMode.None)]
