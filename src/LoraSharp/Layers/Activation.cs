using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>The activation functions that configurations name.</summary>
internal static class Activation
{
    private const double QuickGeluSlope = 1.702;

    private static readonly Dictionary<string, Func<Tensor, Tensor>> Functions = new(StringComparer.Ordinal)
    {
        ["silu"] = x => nn.functional.silu(x),
        ["swish"] = x => nn.functional.silu(x),
        ["gelu"] = x => nn.functional.gelu(x),
        ["gelu_python"] = x => nn.functional.gelu(x),
        ["gelu_new"] = TanhGelu,
        ["gelu_fast"] = TanhGelu,
        ["gelu_accurate"] = TanhGelu,
        ["gelu_pytorch_tanh"] = TanhGelu,
        ["gelu_python_tanh"] = TanhGelu,
        ["quick_gelu"] = QuickGelu,
        ["relu"] = x => nn.functional.relu(x),
        ["relu2"] = SquaredRelu,
        ["tanh"] = x => x.tanh(),
        ["sigmoid"] = x => x.sigmoid(),
        ["mish"] = x => nn.functional.mish(x),
    };

    public static IEnumerable<string> Names => Functions.Keys;

    public static bool Has(string name) => Functions.ContainsKey(name);

    public static Func<Tensor, Tensor> Find(string name) => Functions[name];

    private static Tensor TanhGelu(Tensor x) => nn.functional.gelu(x, TorchSharp.Modules.GELU.Approximate.tanh);

    private static Tensor QuickGelu(Tensor x)
    {
        using var scope = NewDisposeScope();
        return (x * (x * QuickGeluSlope).sigmoid()).MoveToOuterDisposeScope();
    }

    private static Tensor SquaredRelu(Tensor x)
    {
        using var scope = NewDisposeScope();
        return nn.functional.relu(x).square().MoveToOuterDisposeScope();
    }
}
