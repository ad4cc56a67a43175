using LoraSharp.Kernels;
using LoraSharp.Layers;
using LoraSharp.Quantization;
using LoraSharp.Tests.Quantization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Kernels;

/// <summary>Every one-pass kernel against the chain of tensor operators that it replaces, in every instruction-set form.</summary>
public sealed class RowKernelTests
{
    public static TheoryData<ScalarType, int> Cases => new()
    {
        { ScalarType.Float32, 1 }, { ScalarType.Float32, 7 }, { ScalarType.Float32, 16 }, { ScalarType.Float32, 577 },
        { ScalarType.BFloat16, 64 }, { ScalarType.BFloat16, 579 }, { ScalarType.Float16, 130 },
    };

    [Fact]
    public void The_exponential_is_within_two_units_of_the_last_place()
    {
        Span<float> results = stackalloc float[1];
        for (double x = -87.3; x < 88; x += 0.01037)
        {
            float input = (float)x;
            Store(LanesMath.Exp(Lanes1.Create(input)), results);
            float exact = (float)Math.Exp(input);
            Assert.True(Math.Abs(results[0] - exact) <= 2 * (MathF.BitIncrement(exact) - exact), $"exp({input}) = {results[0]}, exact {exact}");
        }

        Store(LanesMath.Exp(Lanes1.Create(float.NaN)), results);
        Assert.True(float.IsNaN(results[0]));
        Store(LanesMath.Exp(Lanes1.Create(float.NegativeInfinity)), results);
        Assert.InRange(results[0], 0f, 1.3e-38f);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void RmsNorm_is_the_operators_norm(ScalarType type, int columns) => QuantizationAssert.InEveryForm(_ =>
    {
        foreach (bool unitOffset in new[] { false, true })
        {
            using var scope = NewDisposeScope();
            manual_seed(columns);
            Tensor x = randn([2, 5, columns]).to(type), weight = (randn(columns) + 1).to(type), g = randn([2, 5, columns]).to(type);
            Compare([x, weight], g, t => RmsNormFunction.Apply(t[0], t[1], 1e-5f, unitOffset), t =>
            {
                Tensor wide = t[0].to(ScalarType.Float32), normalized = wide * (wide.square().mean([-1], keepdim: true) + 1e-5).rsqrt();
                return unitOffset ? (normalized * (t[1].to(ScalarType.Float32) + 1)).to(type) : normalized.to(type) * t[1];
            });
        }
    });

    [Theory]
    [MemberData(nameof(Cases))]
    public void SwiGlu_is_the_operators_gate(ScalarType type, int columns) => QuantizationAssert.InEveryForm(_ =>
    {
        using var scope = NewDisposeScope();
        manual_seed(columns);
        Tensor gate = (randn([3, columns]) * 4).to(type), up = randn([3, columns]).to(type), g = randn([3, columns]).to(type);
        Compare([gate, up], g, t => SwiGluFunction.Apply(t[0], t[1]), t => nn.functional.silu(t[0]) * t[1]);
    });

    [Fact]
    public void SwiGlu_of_views_and_of_extreme_values()
    {
        using var scope = NewDisposeScope();
        Tensor both = tensor(new[] { -200f, 200f, float.NaN, 0f, 1f, 2f, 3f, 4f }).view(1, 8);
        Tensor h = SwiGluFunction.Apply(both.narrow(-1, 0, 4), both.narrow(-1, 4, 4));
        Assert.Equal([0f, 400f, float.NaN, 0f], h.data<float>().ToArray().Select(v => MathF.Abs(v) < 1e-30f ? 0f : v));
    }

    [Fact]
    public void A_NaN_in_a_row_shows_in_its_norm()
    {
        using var scope = NewDisposeScope();
        Tensor x = ones([2, 20]);
        x[0, 3] = float.NaN;
        Tensor y = RmsNormFunction.Apply(x, ones(20), 1e-5f, unitOffset: false);
        Assert.True(y[0].isnan().all().item<bool>());
        Assert.True(y[1].isfinite().all().item<bool>());
    }

    private static unsafe void Store(Lanes1 value, Span<float> to)
    {
        fixed (float* first = to)
        {
            value.Store(first);
        }
    }

    /// <summary>Output and all gradients, within a few roundings of the type.</summary>
    internal static void Compare(Tensor[] inputs, Tensor gradient, Func<Tensor[], Tensor> fast, Func<Tensor[], Tensor> plain, double tolerance = 1)
    {
        double eps = tolerance * (gradient.dtype switch { ScalarType.Float32 => 2e-5, ScalarType.Float16 => 4e-3, _ => 3e-2 });
        Tensor[] one = [.. inputs.Select(t => t.detach().clone().requires_grad_(true))], other = [.. inputs.Select(t => t.detach().clone().requires_grad_(true))];
        Tensor y = fast(one), expected = plain(other);
        Close("output", y, expected, eps);
        using (no_grad())
        {
            Close("output without gradient", fast(one), expected, eps);
        }

        LoraSharp.Interop.Backward.Run((y * gradient).sum());
        (expected * gradient).sum().backward();
        for (int i = 0; i < inputs.Length; i++)
        {
            Close($"gradient {i}", one[i].grad!, other[i].grad!, eps);
        }
    }

    private static void Close(string what, Tensor actual, Tensor expected, double eps)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.Equal(expected.dtype, actual.dtype);
        Tensor a = actual.detach().to(ScalarType.Float64), e = expected.detach().to(ScalarType.Float64);
        double largest = e.abs().max().item<double>(), distance = (a - e).abs().max().item<double>();
        Assert.True(distance <= eps * Math.Max(1e-3, largest), $"{what}: largest difference {distance} beside values up to {largest}");
    }
}
