using LoraSharp.Files;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Golden;

/// <summary>A case's tensors.safetensors, with comparisons that say what differs and by how much.</summary>
internal sealed class GoldenTensors(GoldenCase golden) : IDisposable
{
    private readonly SafeTensorsFile _file = SafeTensorsFile.Open(golden.TensorsPath);

    public IEnumerable<string> Names => _file.Tensors.Select(t => t.Name);

    public bool Has(string name) => _file.Contains(name);

    public Tensor this[string name] => _file.Load(name);

    public Tensor? Find(string name) => Has(name) ? this[name] : null;

    public void Dispose() => _file.Dispose();

    /// <summary>Every element within the case's tolerance of the expected tensor.</summary>
    public void AssertClose(string name, Tensor actual, Tensor? mask = null) => AssertClose(name, this[name], actual, golden.Absolute, golden.Relative, mask);

    /// <summary>|actual − expected| ≤ absolute + relative·|expected|, where the mask (broadcastable, optional) is true.</summary>
    public static void AssertClose(string what, Tensor expected, Tensor actual, double absolute, double relative, Tensor? mask = null)
    {
        using var scope = NewDisposeScope();
        Assert.True(expected.shape.SequenceEqual(actual.shape), $"{what}: shape [{string.Join(", ", actual.shape)}], expected [{string.Join(", ", expected.shape)}]");
        Tensor e = expected.to(ScalarType.Float64), a = actual.detach().to(ScalarType.Float64);

        // Comparisons with NaN are false: what is not shown to be close is bad. Infinities are close to their equals only.
        Tensor close = (a - e).abs().le((e.abs() * relative) + absolute).logical_and(e.isfinite());
        Tensor bad = close.logical_or(a.eq(e)).logical_or(a.isnan().logical_and(e.isnan())).logical_not();
        if (mask is not null)
        {
            bad = bad.logical_and(mask.to_type(ScalarType.Bool));
        }

        long count = bad.sum().item<long>();
        if (count > 0)
        {
            Tensor difference = (a - e).abs().masked_fill(bad.logical_not(), 0).nan_to_num(double.PositiveInfinity, double.PositiveInfinity);
            Assert.Fail($"{what}: {count} of {e.numel()} elements differ, by up to {difference.max().item<double>():g4} (allowed {absolute:g4} + {relative:g4}·|expected|, largest expected {e.abs().max().item<double>():g4})");
        }
    }

    public static void AssertClose(string what, double expected, double actual, double absolute, double relative) =>
        Assert.True(
            expected.Equals(actual) || (double.IsFinite(expected) && Math.Abs(actual - expected) <= absolute + (relative * Math.Abs(expected))),
            $"{what}: {actual:R}, expected {expected:R} (allowed {absolute:g4} + {relative:g4}·|expected|)");
}
