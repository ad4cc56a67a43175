using LoraSharp.Interop;
using LoraSharp.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>
/// A weight matrix in 8 bits, one scale a row: LLM.int8() (Dettmers et al. 2022, arXiv:2208.07339), with the semantics of bitsandbytes' Linear8bitLt. Outside
/// training the product is one of integers, except for columns of x with outliers; in training it is that with the dequantised weight.
/// </summary>
public sealed class Int8Weight : LinearWeight
{
    private readonly QuantizationConfig _config;
    private ScalarType _dtype;

    /// <summary>Takes over a quantised matrix.</summary>
    /// <param name="data">Codes and scales.</param>
    /// <param name="dtype">The weight's type before it was quantised.</param>
    /// <param name="config">The settings: the outlier threshold counts.</param>
    public Int8Weight(Int8Matrix data, ScalarType dtype, QuantizationConfig config)
        : base((data ?? throw new ArgumentNullException(nameof(data))).Rows, data.Columns)
    {
        ArgumentNullException.ThrowIfNull(config);
        Data = data;
        _dtype = dtype;
        _config = config;
    }

    /// <summary>Codes and scales.</summary>
    public Int8Matrix Data { get; private set; }

    /// <inheritdoc/>
    public override ScalarType Dtype => _dtype;

    /// <inheritdoc/>
    public override long Bytes => Data.Codes.Length + (4L * Data.Scales.Length);

    /// <summary>Quantises a dense matrix (out, in) of float32, float16 or bfloat16.</summary>
    public static Int8Weight Quantize(Tensor weight, QuantizationConfig config)
    {
        ArgumentNullException.ThrowIfNull(weight);
        return new Int8Weight(QuantizeData(weight), weight.dtype, config);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        ScalarType compute = KernelTypes.Nearest(AutocastType ?? x.dtype);
        Tensor input = x.to(compute), result;
        Tensor? offset = bias?.to(compute);
        if (InTraining)
        {
            result = nn.functional.linear(input, Dequantize(compute), offset!);
        }
        else
        {
            Tensor rows = input.contiguous();
            result = empty([.. x.shape[..^1], OutFeatures], dtype: compute);
            var work = new MultiplyWork(Data, (float)_config.Int8Threshold, rows, offset?.contiguous(), result);
            KernelTypes.Run(compute, ref work);
        }

        return result.to(AutocastType ?? x.dtype).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor BackwardInput(Tensor gradOutput)
    {
        using var scope = NewDisposeScope();
        ScalarType type = AutocastType ?? gradOutput.dtype;
        return gradOutput.to(type).matmul(Dequantize(type)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Dequantize(ScalarType dtype)
    {
        ScalarType direct = KernelTypes.Nearest(dtype);
        Tensor dense = empty([OutFeatures, InFeatures], dtype: direct);
        var work = new DequantizeWork(Data, dense);
        KernelTypes.Run(direct, ref work);
        return direct == dtype ? dense : dense.to(dtype, disposeAfter: true);
    }

    /// <inheritdoc/>
    public override void Assign(Tensor dense)
    {
        Data = QuantizeData(dense);
        _dtype = dense.dtype;
    }

    /// <inheritdoc/>
    public override LinearWeight Clone() => new Int8Weight(Data, Dtype, _config) { InTraining = InTraining };

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        // Codes and scales are managed memory.
    }

    private static Int8Matrix QuantizeData(Tensor weight)
    {
        using var scope = NewDisposeScope();
        var work = new QuantizeWork(weight.detach().contiguous());
        KernelTypes.Run(weight.dtype, ref work);
        return work.Result!;
    }

    private struct QuantizeWork(Tensor weight) : IKernelWork
    {
        public Int8Matrix? Result { get; private set; }

        public void Run<T>()
            where T : unmanaged =>
            Result = Int8Matrix.Quantize<T>(TensorMemory.Span<T>(weight), checked((int)weight.shape[0]), checked((int)weight.shape[1]), get_num_threads());
    }

    private readonly struct DequantizeWork(Int8Matrix data, Tensor dense) : IKernelWork
    {
        public void Run<T>()
            where T : unmanaged => data.Dequantize(0, TensorMemory.Span<T>(dense), get_num_threads());
    }

    private readonly struct MultiplyWork(Int8Matrix data, float threshold, Tensor x, Tensor? bias, Tensor y) : IKernelWork
    {
        public void Run<T>()
            where T : unmanaged =>
            data.Multiply<T>(TensorMemory.Span<T>(x), threshold, bias is null ? [] : TensorMemory.Span<T>(bias), TensorMemory.Span<T>(y), get_num_threads());
    }
}
