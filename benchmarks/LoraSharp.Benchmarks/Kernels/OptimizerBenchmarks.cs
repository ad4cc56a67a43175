using BenchmarkDotNet.Attributes;
using LoraSharp.Quantization;

namespace LoraSharp.Benchmarks.Kernels;

/// <summary>Optimizer steps over the adapter of a 7B model (rank 64 on q_proj and v_proj: 33.5 M parameters).</summary>
public class OptimizerBenchmarks
{
    private const int Count = 1 << 25;
    private readonly float[] _parameters = new float[Count];
    private readonly float[] _gradients = RandomWeights.Singles(Count);
    private readonly float[] _first = new float[Count];
    private readonly float[] _second = new float[Count];
    private readonly EightBitState _first8 = new(Count);
    private readonly EightBitState _second8 = new(Count);
    private int _step;

    [Params(1, 2)]
    public int Threads { get; set; }

    [Benchmark]
    public void AdamW32() => AdamW.Step<float, float>(_parameters, _gradients, _first, _second, new AdamWSettings(1e-4), ++_step, Threads);

    [Benchmark]
    public void AdamW8() => AdamW.Step<float, float>(_parameters, _gradients, _first8, _second8, new AdamWSettings(1e-4), ++_step, Threads);

    [Benchmark]
    public void Lion8() => Lion.Step<float, float>(_parameters, _gradients, _first8, new LionSettings(1e-4), Threads);

    /// <summary>The yardstick: a copy of one array.</summary>
    [Benchmark(Baseline = true)]
    public void CopyParameters() => _parameters.CopyTo(_first, 0);
}
