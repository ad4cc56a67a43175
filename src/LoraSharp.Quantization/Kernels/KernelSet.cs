namespace LoraSharp.Quantization;

/// <summary>All kernels in one form.</summary>
internal sealed class KernelSet
{
    private KernelSet(InstructionSet form, FourBitKernels fourBit, BlockwiseKernels blockwise)
    {
        InstructionSet = form;
        FourBit = fourBit;
        Blockwise = blockwise;
    }

    public InstructionSet InstructionSet { get; }

    public FourBitKernels FourBit { get; }

    public BlockwiseKernels Blockwise { get; }

    public static KernelSet Create(InstructionSet form) => form switch
    {
        InstructionSet.Avx512 => Create<Avx512Form>(form),
        InstructionSet.Avx2 => Create<Avx2Form>(form),
        InstructionSet.Vector128 => Create<Vector128Form>(form),
        _ => Create<ScalarForm>(form),
    };

    private static KernelSet Create<TForm>(InstructionSet form)
        where TForm : struct, IVectorForm => new(form, new FourBitKernels<TForm>(), new BlockwiseKernels<TForm>());
}
