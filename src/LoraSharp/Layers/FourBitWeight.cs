using LoraSharp.Interop;
using LoraSharp.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>
/// A weight matrix in 4 bits (NF4 or FP4, optionally double-quantised): dequantised for each product, never kept dense. Semantics of bitsandbytes' Linear4bit.
/// </summary>
public sealed class FourBitWeight : LinearWeight
{
    private readonly QuantizationConfig _config;
    private ScalarType _dtype;

    /// <summary>Takes over quantised data of a matrix (out, in).</summary>
    /// <param name="data">Codes and scales.</param>
    /// <param name="outFeatures">Rows.</param>
    /// <param name="inFeatures">Columns.</param>
    /// <param name="dtype">The weight's type before it was quantised.</param>
    /// <param name="config">The settings, used again when a merge quantises anew.</param>
    public FourBitWeight(FourBitTensor data, long outFeatures, long inFeatures, ScalarType dtype, QuantizationConfig config)
        : base(outFeatures, inFeatures)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (data.Count != outFeatures * inFeatures)
        {
            throw new ArgumentException($"The quantised data holds {data.Count} elements, a matrix {outFeatures} x {inFeatures} has {outFeatures * inFeatures}.", nameof(data));
        }

        Data = data;
        _dtype = dtype;
        _config = config;
    }

    /// <summary>Codes and scales.</summary>
    public FourBitTensor Data { get; private set; }

    /// <inheritdoc/>
    public override ScalarType Dtype => _dtype;

    /// <inheritdoc/>
    public override long CountedElements => 2L * Data.Packed.Length;

    /// <inheritdoc/>
    public override long Bytes => Data.ByteCount;

    /// <summary>Quantises a dense matrix (out, in) of float32, float16 or bfloat16.</summary>
    public static FourBitWeight Quantize(Tensor weight, QuantizationConfig config)
    {
        ArgumentNullException.ThrowIfNull(weight);
        ArgumentNullException.ThrowIfNull(config);
        return new FourBitWeight(QuantizeData(weight, config), weight.shape[0], weight.shape[1], weight.dtype, config);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        ScalarType compute = AutocastType ?? _config.ComputeType ?? x.dtype;
        return FourBitProduct.Forward(Data, OutFeatures, x.to(compute), bias?.to(compute)).to(AutocastType ?? x.dtype).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor BackwardInput(Tensor gradOutput)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        ScalarType compute = AutocastType ?? _config.ComputeType ?? gradOutput.dtype;

        // As the reference does, the backward weight is rounded to the original type first; that changes nothing where the compute type is as narrow.
        ScalarType through = Dtype == ScalarType.Float32 ? compute : Dtype;
        return FourBitProduct.BackwardInput(Data, InFeatures, gradOutput.to(compute), through).to(AutocastType ?? gradOutput.dtype).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Dequantize(ScalarType dtype) => FourBitProduct.Dequantize(Data, OutFeatures, InFeatures, dtype);

    /// <inheritdoc/>
    public override void Assign(Tensor dense)
    {
        Data = QuantizeData(dense, _config);
        _dtype = dense.dtype;
    }

    /// <inheritdoc/>
    public override LinearWeight Clone() => new FourBitWeight(Data, OutFeatures, InFeatures, Dtype, _config);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        // Codes and scales are managed memory.
    }

    private static FourBitTensor QuantizeData(Tensor weight, QuantizationConfig config)
    {
        using var scope = NewDisposeScope();
        var work = new QuantizeWork(weight.detach().contiguous(), config);
        KernelTypes.Run(weight.dtype, ref work);
        FourBitTensor data = work.Result!;
        return config.DoubleQuant ? data.CompressStatistics(Mean(data.Absmax)) : data;
    }

    // torch's own mean, as bitsandbytes takes it: an exactly rounded one gives other codes for a few scales of a real model.
    private static unsafe float Mean(ReadOnlyMemory<float> absmax)
    {
        using var scope = NewDisposeScope();
        using var pin = absmax.Pin();
        return TensorMemory.View(pin.Pointer, [absmax.Length], ScalarType.Float32).mean().item<float>();
    }

    private struct QuantizeWork(Tensor weight, QuantizationConfig config) : IKernelWork
    {
        public FourBitTensor? Result { get; private set; }

        public void Run<T>()
            where T : unmanaged =>
            Result = FourBit.Quantize<T>(TensorMemory.Span<T>(weight), config.Type, config.BlockSize, maxThreads: get_num_threads());
    }
}
