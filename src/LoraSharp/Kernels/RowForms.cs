using LoraSharp.Quantization;
using static TorchSharp.torch;

namespace LoraSharp.Kernels;

/// <summary>Work on rows of activations that is written once for every element type and width of registers.</summary>
internal interface IRowWork
{
    void Run<TLanes, T>()
        where TLanes : struct, ILanes<TLanes>
        where T : unmanaged;
}

/// <summary>
/// Leads from torch's element types and the chosen instruction set to the type parameters of the passes that stand between matrix products. Each is one pass over memory, where
/// a chain of tensor operators would write and read every intermediate result.
/// </summary>
internal static class RowForms
{
    public static void Run<TWork>(ScalarType type, ref TWork work)
        where TWork : struct, IRowWork
    {
        var form = new Form<TWork>(work);
        Layers.KernelTypes.Run(type, ref form);
        work = form.Work;
    }

    private struct Form<TWork>(TWork work) : Layers.IKernelWork
        where TWork : struct, IRowWork
    {
        public TWork Work = work;

        public void Run<T>()
            where T : unmanaged
        {
            switch (KernelSelection.InstructionSet)
            {
                case InstructionSet.Avx512:
                    Work.Run<Lanes16, T>();
                    break;
                case InstructionSet.Avx2:
                    Work.Run<Lanes8, T>();
                    break;
                case InstructionSet.Vector128:
                    Work.Run<Lanes4, T>();
                    break;
                default:
                    Work.Run<Lanes1, T>();
                    break;
            }
        }
    }
}
