using LoraSharp.Adapters.Bases;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora;

/// <summary>
/// LoRA on a convolution: A (r, in, kernel) has the base's kernel, stride and padding but neither dilation nor groups; B (out, r / groups, 1...) is 1x1 with the base's
/// groups. With groups the product does not fit into the base's kernel, so it cannot be merged.
/// </summary>
internal sealed class LoraConvolution : LoraLayer
{
    private readonly long _groups;

    public LoraConvolution(ConvolutionBase layer, LoraSettings settings)
        : base(
            nameof(LoraConvolution),
            settings,
            [settings.R, layer.InChannels, .. layer.KernelSize],
            [layer.OutFeatures, settings.R / layer.Groups, .. layer.KernelSize.Select(_ => 1L)],
            layer.OutFeatures,
            settings.UsesDora ? [1, layer.OutFeatures, .. layer.KernelSize.Select(_ => 1L)] : null) => _groups = layer.Groups;

    public override void RequireMergeable(BaseLayer layer, string path)
    {
        if (_groups > 1)
        {
            throw new AdapterException($"Adapter '{path}' adapts a convolution with {_groups} groups; its update does not fit into the base's kernel. Keep the adapter unmerged.");
        }

        base.RequireMergeable(layer, path);
    }

    public override long[] ShapeOfB(int r) => [B.shape[0], r / _groups, .. B.shape[2..]];

    protected override Tensor Product(BaseLayer layer)
    {
        (Tensor a, Tensor b) = Matrices;
        return b.matmul(a).view(layer.Shape);
    }

    protected override Tensor Branch(Tensor x, BaseLayer layer)
    {
        var convolution = (ConvolutionBase)layer;
        return convolution.ConvolveUp(convolution.ConvolveDown(x, A), B, BBias);
    }

    protected override Tensor Norm(Tensor weight) => weight.flatten(1).norm(1).view([-1, .. Enumerable.Repeat(1L, (int)weight.dim() - 1)]);

    protected override Tensor ForOutput(Tensor factor) => factor.transpose(0, 1);
}
