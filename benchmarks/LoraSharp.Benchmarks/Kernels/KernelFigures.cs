using System.Globalization;
using LoraSharp.Layers;
using LoraSharp.Quantization;
using TorchSharp;
using static TorchSharp.torch;
using BFloat16 = LoraSharp.Quantization.BFloat16;

namespace LoraSharp.Benchmarks.Kernels;

/// <summary>The figures of <see cref="KernelCheck"/>, each measured in turns with its yardstick. Weights that are to come from memory are several copies, used in turn.</summary>
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
    private readonly BFloat16[] _weights = RandomWeights.BrainFloats(N * N);
    private readonly FourBitTensor[] _tensors;
    private int _turn;

    public KernelFigures(double seconds, int threads)
    {
        _seconds = seconds;
        _threads = threads;
        _tensors = [.. Enumerable.Range(0, Copies).Select(_ => FourBit.Quantize<BFloat16>(_weights, doubleQuantization: true))];
    }

    /// <summary>The speed of memory in words.</summary>
    public string Memory()
    {
        double streaming = 2 * _a.Length / Yardstick.BestSeconds(StreamingCopy, _seconds), copy = 2 * _a.Length / Yardstick.BestSeconds(Copy, _seconds);
        return Text($"Streaming copy {streaming / 1e9:F1} GB/s, copy {copy / 1e9:F1} GB/s, read {_a.Length / Yardstick.BestSeconds(Read, _seconds) / 1e9:F1} GB/s");
    }

    public IEnumerable<Func<KernelFigure>> All() =>
    [
        Dequantize,
        DequantizeInCache,
        Quantize,
        () => MatrixVector(RandomWeights.BrainFloats(N), _threads, "bf16", 0.25),
        () => MatrixVector(RandomWeights.BrainFloats(N), 1, "bf16", 0.2),
        () => MatrixVector(RandomWeights.Singles(N), _threads, "fp32", 0.15),
        () => Batch(8),
        () => Batch(64),
        () => Linear(backward: false),
        () => Linear(backward: true),
        Int8Product,
        AdamW32,
        AdamW8,
    ];

    public void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
        _c.Dispose();
        _d.Dispose();
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private void StreamingCopy() => Yardstick.StreamingCopy(_a, _b, _threads);

    private void Copy() => Yardstick.Copy(_a, _b, _threads);

    private void Read() => Yardstick.Read(_a, _threads);

    private (double Time, double Yardstick) Best(Action action, Action yardstick) => Yardstick.BestSeconds(action, yardstick, _seconds);

    private FourBitTensor Next() => _tensors[_turn++ % Copies];

    private KernelFigure Dequantize()
    {
        (double time, double copy) = Best(() => FourBit.Dequantize(Next(), _b.Span<BFloat16>(N * N), _threads), StreamingCopy);
        double speed = (_tensors[0].ByteCount + (2.0 * N * N)) / time;
        return new("dequantise NF4, double quantised, to bf16, 4096x4096", Text($"{time * 1e3:F2} ms, {speed / 1e9:F1} GB/s"), speed / (2 * _a.Length / copy), "streaming copy", 0.4);
    }

    private KernelFigure DequantizeInCache()
    {
        const int Side = 576;
        FourBitTensor tensor = FourBit.Quantize<BFloat16>(_weights.AsSpan(0, Side * Side), doubleQuantization: true);
        (double time, double copy) = Best(
            () => FourBit.Dequantize(tensor, _b.Span<BFloat16>(Side * Side), 1), () => _a.Span<BFloat16>(Side * Side).CopyTo(_b.Span<BFloat16>(Side * Side)));
        return new("the same in cache, 576x576, 1 thread", Text($"{Side * Side / time / 1e9:F1} Gelem/s"), copy / time, "copy of the result in cache", 0.25);
    }

    private KernelFigure Quantize()
    {
        var packed = new byte[N * N / 2];
        var absmax = new float[N * N / 64];
        (double time, double copy) = Best(() => FourBit.Quantize<BFloat16>(_weights, FourBitType.Nf4, 64, packed, absmax, _threads), Copy);
        return new("quantise bf16 to NF4, 4096x4096", Text($"{(double)N * N / time / 1e9:F1} Gelem/s"), 2.5 * N * N / time / (2 * _a.Length / copy), "copy", 0.08);
    }

    private KernelFigure MatrixVector<T>(T[] x, int threads, string type, double floor)
        where T : unmanaged
    {
        var y = new T[N];
        (double time, double read) = Best(() => FourBit.Multiply<T>(Next(), N, N, x, default, y, threads), () => Yardstick.Read(_a, threads));
        double speed = _tensors[0].ByteCount / time;
        return new(
            Text($"matrix-vector product 4096x4096, {type}, {threads} thread{(threads > 1 ? "s" : "")}"), Text($"{time * 1e3:F3} ms, {speed / 1e9:F1} GB/s"), speed / (_a.Length / read), "read", floor);
    }

    private KernelFigure Batch(int batch)
    {
        BFloat16[] x = _weights[..(batch * N)];
        var y = new BFloat16[batch * N];
        using Tensor w = zeros(N, N), dense = zeros(batch, N);
        (double time, double yardstick) = Best(() => FourBit.Multiply<BFloat16>(Next(), N, N, x, default, y, _threads), () => nn.functional.linear(dense, w).Dispose());
        return new(
            Text($"product of {batch} rows, 4096x4096"), Text($"{time * 1e3:F2} ms, {1e-9 * N * N * batch / time:F0} GMAC/s"), yardstick / time, "dense fp32 linear", batch == 8 ? 0.8 : 0.3);
    }

    private KernelFigure Linear(bool backward)
    {
        const int Rows = 512;
        using var scope = NewDisposeScope();
        using var weight = new FourBitWeight(_tensors[0], N, N, ScalarType.BFloat16, QuantizationConfig.Nf4());
        Tensor x = zeros(Rows, N, ScalarType.BFloat16), w = weight.Dequantize(ScalarType.BFloat16);
        (double time, double yardstick) = Best(
            () => (backward ? weight.BackwardInput(x) : weight.Forward(x, null)).Dispose(), () => (backward ? x.matmul(w) : nn.functional.linear(x, w)).Dispose());
        return new(backward ? "4-bit linear's gradient to 512 rows, 4096x4096" : "4-bit linear of 512 rows, 4096x4096", Text($"{time * 1e3:F1} ms"), yardstick / time, "dense bf16 product", 0.3);
    }

    private KernelFigure Int8Product()
    {
        const int Batch = 64;
        Int8Matrix matrix = Int8Matrix.Quantize<BFloat16>(_weights, N, N);
        BFloat16[] x = _weights[..(Batch * N)];
        var y = new BFloat16[Batch * N];
        using Tensor w = zeros(N, N), dense = zeros(Batch, N);
        (double time, double yardstick) = Best(() => matrix.Multiply<BFloat16>(x, 6, default, y, _threads), () => nn.functional.linear(dense, w).Dispose());
        return new("LLM.int8() product of 64 rows, 4096x4096", Text($"{time * 1e3:F2} ms, {1e-9 * N * N * Batch / time:F0} GMAC/s"), yardstick / time, "dense fp32 linear", 0.4);
    }

    private KernelFigure AdamW32()
    {
        // The yardstick writes over the arrays: moments with it would be no moments, so the step has its own.
        using var first = new NativeBuffer(_a.Length);
        using var second = new NativeBuffer(_a.Length);
        var settings = new AdamWSettings(1e-4);
        (double time, double yardstick) = Best(
            () => AdamW.Step<float, float>(
                _a.Span<float>(AdapterParameters), _d.Span<float>(AdapterParameters), first.Span<float>(AdapterParameters), second.Span<float>(AdapterParameters), settings, 10, _threads),
            () => Yardstick.ReadFourWriteThree(_a, _b, _c, _d, _threads));
        return new("AdamW, 33.5 M parameters", Text($"{time * 1e3:F1} ms"), yardstick / time, "reading 4 arrays, writing 3", 0.35);
    }

    private KernelFigure AdamW8()
    {
        var settings = new AdamWSettings(1e-4);
        var first = new EightBitState(AdapterParameters);
        var second = new EightBitState(AdapterParameters);
        (double time, double copy) = Best(() => AdamW.Step<float, float>(_a.Span<float>(AdapterParameters), _d.Span<float>(AdapterParameters), first, second, settings, 10, _threads), Copy);
        return new("AdamW with 8-bit states, 33.5 M parameters", Text($"{time * 1e3:F1} ms"), 16.0 * AdapterParameters / time / (2 * _a.Length / copy), "copy of as many bytes", 0.1);
    }
}
