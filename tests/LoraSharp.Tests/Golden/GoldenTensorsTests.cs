using Xunit.Sdk;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Golden;

public class GoldenTensorsTests
{
    private const float Inf = float.PositiveInfinity, Nan = float.NaN;

    [Theory]
    [InlineData(1f, 1f, true)]
    [InlineData(1f, 1.05f, true)]
    [InlineData(1f, 1.2f, false)]
    [InlineData(Inf, Inf, true)]
    [InlineData(-Inf, -Inf, true)]
    [InlineData(Nan, Nan, true)]
    [InlineData(Inf, -Inf, false)]
    [InlineData(Inf, 1f, false)]
    [InlineData(-Inf, float.MinValue, false)]
    [InlineData(Nan, 1f, false)]
    [InlineData(1f, Nan, false)]
    [InlineData(1f, Inf, false)]
    [InlineData(Inf, Nan, false)]
    [InlineData(Nan, Inf, false)]
    public void Closeness_is_strict_where_numbers_are_not_finite(float expected, float actual, bool close)
    {
        using Tensor e = tensor(new[] { 0f, expected }), a = tensor(new[] { 0f, actual });
        Assert.Equal(close, Passes(() => GoldenTensors.AssertClose("x", e, a, 0.1, 0)));
        Assert.Equal(close, Passes(() => GoldenTensors.AssertClose("x", expected, actual, 0.1, 0)));
        using Tensor none = zeros(2, dtype: ScalarType.Bool);
        GoldenTensors.AssertClose("x", e, a, 0.1, 0, mask: none);
    }

    private static bool Passes(Action check)
    {
        try
        {
            check();
            return true;
        }
        catch (Exception e) when (e is TrueException or FailException)
        {
            return false;
        }
    }
}
