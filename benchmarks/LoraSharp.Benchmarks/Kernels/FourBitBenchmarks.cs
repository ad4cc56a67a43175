using BenchmarkDotNet.Attributes;
using LoraSharp.Quantization;

namespace LoraSharp.Benchmarks.Kernels;

/// <summary>4-bit kernels over the shapes of real layers; cold weights are several copies, used in turn.</summary>
public class FourBitBenchmarks
{
    private FourBitTensor[] _tensors = [];
    private BFloat16[] _weights = [];
    private BFloat16[] _dense = [];
    private byte[] _packed = [];
    private float[] _absmax = [];
    private BFloat16[] _x = [];
    private BFloat16[] _y = [];
    private int _rows;
    private int _columns;
    private int _turn;

    [Params("4096x4096", "4096x11008", "11008x4096", "576x1536")]
    public string Shape { get; set; } = "";

    [Params(1, 2)]
    public int Threads { get; set; }

    [Params(true, false)]
    public bool Cold { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        int[] sizes = [.. Shape.Split('x').Select(int.Parse)];
        (_rows, _columns) = (sizes[0], sizes[1]);
        _weights = RandomWeights.BrainFloats(_rows * _columns);
        int copies = Cold ? Math.Max(2, (int)(128_000_000L / (_weights.Length / 2))) : 1;
        _tensors = [.. Enumerable.Range(0, copies).Select(_ => FourBit.Quantize<BFloat16>(_weights, doubleQuantization: true))];
        _dense = new BFloat16[_weights.Length];
        _packed = new byte[_weights.Length / 2];
        _absmax = new float[_weights.Length / 64];
        _x = RandomWeights.BrainFloats(64 * _columns);
        _y = new BFloat16[64 * _rows];
    }

    [Benchmark]
    public void Quantize() => FourBit.Quantize<BFloat16>(_weights, FourBitType.Nf4, 64, _packed, _absmax, Threads);

    [Benchmark]
    public void Dequantize() => FourBit.Dequantize(Next(), _dense.AsSpan(), Threads);

    [Benchmark]
    public void MatrixVector() => FourBit.Multiply<BFloat16>(Next(), _rows, _columns, _x.AsSpan(0, _columns), default, _y.AsSpan(0, _rows), Threads);

    [Benchmark]
    public void Batch16() => FourBit.Multiply<BFloat16>(Next(), _rows, _columns, _x.AsSpan(0, 16 * _columns), default, _y.AsSpan(0, 16 * _rows), Threads);

    /// <summary>The yardstick: a copy of the dense weight.</summary>
    [Benchmark(Baseline = true)]
    public void CopyDense() => _weights.CopyTo(_dense, 0);

    private FourBitTensor Next() => _tensors[_turn++ % _tensors.Length];
}
