namespace LoraSharp.Quantization;

/// <summary>All kernels in one form.</summary>
internal sealed class KernelSet
{
    private KernelSet()
    {
    }

    public required InstructionSet InstructionSet { get; init; }

    public required FourBitKernels FourBit { get; init; }

    public required BlockwiseKernels Blockwise { get; init; }

    public required Int8Kernels Int8 { get; init; }

    public required OptimizerKernels Optimizers { get; init; }

    public static KernelSet Create(InstructionSet form) => form switch
    {
        InstructionSet.Avx512 => Create<Avx512Form, Lanes16>(form),
        InstructionSet.Avx2 => Create<Avx2Form, Lanes8>(form),
        InstructionSet.Vector128 => Create<Vector128Form, Lanes4>(form),
        _ => Create<ScalarForm, Lanes1>(form),
    };

    private static KernelSet Create<TForm, TLanes>(InstructionSet form)
        where TForm : struct, IVectorForm
        where TLanes : struct, ILanes<TLanes> => new()
        {
            InstructionSet = form,
            FourBit = new FourBitKernels<TForm, TLanes>(),
            Blockwise = new BlockwiseKernels<TForm>(),
            Int8 = new Int8Kernels<TForm, TLanes>(),
            Optimizers = new OptimizerKernels<TForm, TLanes>(),
        };
}
