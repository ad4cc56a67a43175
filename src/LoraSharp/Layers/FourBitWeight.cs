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
        ScalarType compute = _config.ComputeType ?? x.dtype;
        Tensor result = nn.functional.linear(x.to(compute), Dequantize(compute), bias?.to(compute)!);
        return result.to(x.dtype).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor BackwardInput(Tensor gradOutput)
    {
        using var scope = NewDisposeScope();
        ScalarType compute = _config.ComputeType ?? gradOutput.dtype;

        // As the reference does, the backward weight is rounded to the original type first; that changes nothing where the compute type is as narrow.
        Tensor weight = Dtype == compute || Dtype == ScalarType.Float32 ? Dequantize(compute) : Dequantize(Dtype).to(compute);
        return gradOutput.to(compute).matmul(weight).to(gradOutput.dtype).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Dequantize(ScalarType dtype)
    {
        ScalarType direct = dtype is ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16 ? dtype : ScalarType.Float32;
        Tensor dense = empty([OutFeatures, InFeatures], dtype: direct);
        switch (direct)
        {
            case ScalarType.Float16:
                FourBit.Dequantize(Data, TensorMemory.Span<Half>(dense));
                break;
            case ScalarType.BFloat16:
                FourBit.Dequantize(Data, TensorMemory.Span<LoraSharp.Quantization.BFloat16>(dense));
                break;
            default:
                FourBit.Dequantize(Data, TensorMemory.Span<float>(dense));
                break;
        }

        return direct == dtype ? dense : dense.to(dtype, disposeAfter: true);
    }

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
        Tensor plain = weight.detach().contiguous();
        FourBitTensor data = plain.dtype switch
        {
            ScalarType.Float32 => FourBit.Quantize<float>(TensorMemory.Span<float>(plain), config.Type, config.BlockSize),
            ScalarType.Float16 => FourBit.Quantize<Half>(TensorMemory.Span<Half>(plain), config.Type, config.BlockSize),
            ScalarType.BFloat16 => FourBit.Quantize<LoraSharp.Quantization.BFloat16>(TensorMemory.Span<LoraSharp.Quantization.BFloat16>(plain), config.Type, config.BlockSize),
            _ => throw new ArgumentException($"A {weight.dtype} matrix cannot be quantised; convert it to Float32, Float16 or BFloat16.", nameof(weight)),
        };
        return config.DoubleQuant ? data.CompressStatistics(Mean(data.Absmax)) : data;
    }

    // torch's own mean, as bitsandbytes takes it: an exactly rounded one gives other codes for a few scales of a real model.
    private static unsafe float Mean(ReadOnlyMemory<float> absmax)
    {
        using var scope = NewDisposeScope();
        using var pin = absmax.Pin();
        return TensorMemory.View(pin.Pointer, [absmax.Length], ScalarType.Float32).mean().item<float>();
    }
}
