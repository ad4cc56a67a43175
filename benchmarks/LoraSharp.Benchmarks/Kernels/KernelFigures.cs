using System.Globalization;
using LoraSharp.Layers;
using LoraSharp.Quantization;

namespace LoraSharp.Benchmarks.Kernels;

/// <summary>The figures of <see cref="KernelCheck"/>. Weights that are to come from memory are several copies, used in turn.</summary>
internal sealed class KernelFigures : IDisposable
{
    private const int N = 4096;
    private const int Copies = 8;
    private const int AdapterParameters = 1 << 25;
    private readonly double _seconds;
    private readonly int _threads;
    private readonly NativeBuffer _a = new(4L * AdapterParameters);
    private readonly NativeBuffer _b = new(4L * AdapterParameters);
    private readonly NativeBuffer _c = new(4L * AdapterParameters);
    private readonly NativeBuffer _d = new(4L * AdapterParameters);
    private readonly double _streaming;
    private readonly double _copy;
    private readonly double _read;

    public KernelFigures(double seconds, int threads)
    {
        _seconds = seconds;
        _threads = threads;
        _streaming = 2 * _a.Length / Best(() => Yardstick.StreamingCopy(_a, _b, threads));
        _copy = 2 * _a.Length / Best(() => Yardstick.Copy(_a, _b, threads));
        _read = _a.Length / Best(() => Yardstick.Read(_a, threads));
    }

    /// <summary>The yardsticks in words.</summary>
    public string Memory => string.Create(
        CultureInfo.InvariantCulture, $"Streaming copy {_streaming / 1e9:F1} GB/s, copy {_copy / 1e9:F1} GB/s, read {_read / 1e9:F1} GB/s");

    public IEnumerable<KernelFigure> Measure()
    {
        BFloat16[] weights = RandomWeights.BrainFloats(N * N);
        FourBitTensor[] tensors = [.. Enumerable.Range(0, Copies).Select(_ => FourBit.Quantize<BFloat16>(weights, doubleQuantization: true))];
        yield return Dequantize(tensors);
        yield return DequantizeInCache(weights);
        yield return Quantize(weights);
        yield return MatrixVector(tensors);
        yield return Batch(tensors, 8);
        yield return Batch(tensors, 64);
        yield return Linear(tensors[0], backward: false);
        yield return Linear(tensors[0], backward: true);
        yield return Int8Product(weights);
        yield return AdamW32();
        yield return AdamW8();
    }

    public void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
        _c.Dispose();
        _d.Dispose();
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private double Best(Action action) => Yardstick.BestSeconds(action, _seconds);

    private KernelFigure Dequantize(FourBitTensor[] tensors)
    {
        int turn = 0;
        double time = Best(() => FourBit.Dequantize(tensors[turn++ % Copies], _b.Span<BFloat16>(N * N), _threads));
        double speed = (tensors[0].ByteCount + (2.0 * N * N)) / time;
        return new("dequantise NF4, double quantised, to bf16, 4096x4096", Text($"{time * 1e3:F2} ms, {speed / 1e9:F1} GB/s"), speed / _streaming, "streaming copy", 0.4);
    }

    private KernelFigure DequantizeInCache(BFloat16[] weights)
    {
        const int Side = 576;
        FourBitTensor tensor = FourBit.Quantize<BFloat16>(weights.AsSpan(0, Side * Side), doubleQuantization: true);
        double time = Best(() => FourBit.Dequantize(tensor, _b.Span<BFloat16>(Side * Side), 1));
        double copy = Best(() => _a.Span<BFloat16>(Side * Side).CopyTo(_b.Span<BFloat16>(Side * Side)));
        return new("the same in cache, 576x576, 1 thread", Text($"{Side * Side / time / 1e9:F1} Gelem/s"), copy / time, "copy of the result in cache", 0.2);
    }

    private KernelFigure Quantize(BFloat16[] weights)
    {
        var packed = new byte[N * N / 2];
        var absmax = new float[N * N / 64];
        double time = Best(() => FourBit.Quantize<BFloat16>(weights, FourBitType.Nf4, 64, packed, absmax, _threads));
        return new("quantise bf16 to NF4, 4096x4096", Text($"{(double)N * N / time / 1e9:F1} Gelem/s"), 2.5 * N * N / time / _copy, "copy", 0.08);
    }

    private KernelFigure MatrixVector(FourBitTensor[] tensors)
    {
        var x = new BFloat16[N];
        var y = new BFloat16[N];
        int turn = 0;
        double time = Best(() => FourBit.Multiply<BFloat16>(tensors[turn++ % Copies], N, N, x, default, y, _threads));
        double speed = tensors[0].ByteCount / time;
        return new("matrix-vector product 4096x4096", Text($"{time * 1e3:F3} ms, {speed / 1e9:F1} GB/s"), speed / _read, "read", 0.25);
    }

    private KernelFigure Batch(FourBitTensor[] tensors, int batch)
    {
        var x = new BFloat16[batch * N];
        var y = new BFloat16[batch * N];
        int turn = 0;
        double time = Best(() => FourBit.Multiply<BFloat16>(tensors[turn++ % Copies], N, N, x, default, y, _threads));
        using TorchSharp.torch.Tensor w = TorchSharp.torch.zeros(N, N);
        using TorchSharp.torch.Tensor dense = TorchSharp.torch.zeros(batch, N);
        double yardstick = Best(() => TorchSharp.torch.nn.functional.linear(dense, w).Dispose());
        return new(Text($"product of {batch} rows, 4096x4096"), Text($"{time * 1e3:F2} ms, {1e-9 * N * N * batch / time:F0} GMAC/s"), yardstick / time, "dense fp32 linear", 0.25);
    }

    private KernelFigure Linear(FourBitTensor tensor, bool backward)
    {
        const int Rows = 512;
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var weight = new FourBitWeight(tensor, N, N, TorchSharp.torch.ScalarType.BFloat16, QuantizationConfig.Nf4());
        TorchSharp.torch.Tensor x = TorchSharp.torch.zeros(Rows, N, TorchSharp.torch.ScalarType.BFloat16), w = weight.Dequantize(TorchSharp.torch.ScalarType.BFloat16);
        double time = Best(() => (backward ? weight.BackwardInput(x) : weight.Forward(x, null)).Dispose());
        double yardstick = Best(() => (backward ? x.matmul(w) : TorchSharp.torch.nn.functional.linear(x, w)).Dispose());
        return new(backward ? "4-bit linear's gradient to 512 rows, 4096x4096" : "4-bit linear of 512 rows, 4096x4096", Text($"{time * 1e3:F1} ms"), yardstick / time, "dense bf16 product", 0.2);
    }

    private KernelFigure Int8Product(BFloat16[] weights)
    {
        const int Batch = 64;
        Int8Matrix matrix = Int8Matrix.Quantize<BFloat16>(weights, N, N);
        BFloat16[] x = weights[..(Batch * N)];
        var y = new BFloat16[Batch * N];
        double time = Best(() => matrix.Multiply<BFloat16>(x, 6, default, y, _threads));
        using TorchSharp.torch.Tensor w = TorchSharp.torch.zeros(N, N);
        using TorchSharp.torch.Tensor dense = TorchSharp.torch.zeros(Batch, N);
        double yardstick = Best(() => TorchSharp.torch.nn.functional.linear(dense, w).Dispose());
        return new("LLM.int8() product of 64 rows, 4096x4096", Text($"{time * 1e3:F2} ms, {1e-9 * N * N * Batch / time:F0} GMAC/s"), yardstick / time, "dense fp32 linear", 0.2);
    }

    private KernelFigure AdamW32()
    {
        var settings = new AdamWSettings(1e-4);
        double yardstick = Best(() => Yardstick.ReadFourWriteThree(_a, _b, _c, _d, _threads));
        _b.Span<float>(AdapterParameters).Clear();
        _c.Span<float>(AdapterParameters).Clear();
        double time = Best(() => AdamW.Step<float, float>(
            _a.Span<float>(AdapterParameters), _d.Span<float>(AdapterParameters), _b.Span<float>(AdapterParameters), _c.Span<float>(AdapterParameters), settings, 10, _threads));
        return new("AdamW, 33.5 M parameters", Text($"{time * 1e3:F1} ms"), yardstick / time, "reading 4 arrays, writing 3", 0.4);
    }

    private KernelFigure AdamW8()
    {
        var settings = new AdamWSettings(1e-4);
        var first = new EightBitState(AdapterParameters);
        var second = new EightBitState(AdapterParameters);
        double time = Best(() => AdamW.Step<float, float>(
            _a.Span<float>(AdapterParameters), _d.Span<float>(AdapterParameters), first, second, settings, 10, _threads));
        return new("AdamW with 8-bit states, 33.5 M parameters", Text($"{time * 1e3:F1} ms"), 16.0 * AdapterParameters / time / _copy, "copy of as many bytes", 0.05);
    }
}
