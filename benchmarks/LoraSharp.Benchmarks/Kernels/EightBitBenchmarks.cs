using BenchmarkDotNet.Attributes;
using LoraSharp.Quantization;

namespace LoraSharp.Benchmarks.Kernels;

/// <summary>Blockwise 8-bit quantisation and LLM.int8() over the shapes of real layers.</summary>
public class EightBitBenchmarks
{
    private float[] _weights = [];
    private float[] _dense = [];
    private byte[] _codes = [];
    private float[] _absmax = [];
    private Int8Matrix? _matrix;
    private BFloat16[] _x = [];
    private BFloat16[] _y = [];
    private int _rows;
    private int _columns;

    [Params("4096x4096", "4096x11008", "576x1536")]
    public string Shape { get; set; } = "";

    [Params(1, 2)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        int[] sizes = [.. Shape.Split('x').Select(int.Parse)];
        (_rows, _columns) = (sizes[0], sizes[1]);
        _weights = RandomWeights.Singles(_rows * _columns);
        _dense = new float[_weights.Length];
        _codes = new byte[_weights.Length];
        _absmax = new float[Blockwise8Bit.BlockCount(_weights.Length, 256)];
        Blockwise8Bit.Quantize<float>(_weights, DynamicMap.Signed, 256, _codes, _absmax);
        _matrix = Int8Matrix.Quantize<float>(_weights, _rows, _columns);
        _x = RandomWeights.BrainFloats(16 * _columns);
        _y = new BFloat16[16 * _rows];
    }

    [Benchmark]
    public void QuantizeBlockwise() => Blockwise8Bit.Quantize<float>(_weights, DynamicMap.Signed, 256, _codes, _absmax, Threads);

    [Benchmark]
    public void DequantizeBlockwise() => Blockwise8Bit.Dequantize<float>(_codes, DynamicMap.Signed, 256, _absmax, _dense, Threads);

    [Benchmark]
    public int[] Int8Product() => _matrix!.Multiply<BFloat16>(_x, 6, default, _y, Threads);

    /// <summary>The yardstick: a copy of the dense weight.</summary>
    [Benchmark(Baseline = true)]
    public void CopyDense() => _weights.CopyTo(_dense, 0);
}
