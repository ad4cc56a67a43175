using LoraSharp.Adapters.Bases;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora;

/// <summary>
/// LoRA on a parameter (out, in), or on one for each of E experts (E, out, in): A is (E·r, in) with the rows of one expert together, B is (out, r·E) with the columns of
/// one expert E apart.
/// </summary>
internal sealed class LoraParameter : LoraLayer
{
    private readonly long _experts;

    public LoraParameter(BaseLayer layer, LoraSettings settings)
        : base(nameof(LoraParameter), settings, [settings.R * Experts(layer), layer.Shape[^1]], [layer.Shape[^2], settings.R * Experts(layer)], layer.Shape[^2], null) =>
        _experts = Experts(layer);

    public override long[] ShapeOfA(int r) => [r * _experts, A.shape[1]];

    public override long[] ShapeOfB(int r) => [B.shape[0], r * _experts];

    protected override Tensor Product(BaseLayer layer) => layer.Shape.Length == 2
        ? B.matmul(A)
        : einsum("ore,eri->eoi", B.view(B.shape[0], Settings.R, _experts), A.view(_experts, Settings.R, A.shape[1]));

    protected override Tensor Branch(Tensor x, BaseLayer layer) => throw new NotSupportedException("A parameter has no operation of its own.");

    protected override Tensor Norm(Tensor weight) => throw new NotSupportedException("DoRA does not know parameters.");

    protected override Tensor ForOutput(Tensor factor) => throw new NotSupportedException("DoRA does not know parameters.");

    private static long Experts(BaseLayer layer) => layer.Shape.Length == 3 ? layer.Shape[0] : 1;
}
