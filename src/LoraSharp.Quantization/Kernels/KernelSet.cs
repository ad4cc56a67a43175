namespace LoraSharp.Quantization;

/// <summary>All kernels in one form.</summary>
internal sealed class KernelSet(InstructionSet form)
{
    public InstructionSet InstructionSet { get; } = form;

    public FourBitKernels FourBit { get; } = form switch
    {
        _ => new FourBitKernelsScalar(),
    };

    public BlockwiseKernels Blockwise { get; } = form switch
    {
        _ => new BlockwiseKernelsScalar(),
    };
}
