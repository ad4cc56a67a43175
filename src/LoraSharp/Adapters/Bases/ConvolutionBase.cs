using LoraSharp.Adapters.Copies;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Bases;

/// <summary>A convolution over one, two or three dimensions; the kernel is (out, in / groups, k...).</summary>
internal sealed class ConvolutionBase(Convolution convolution) : BaseLayer
{
    public override nn.Module<Tensor, Tensor> Module => convolution;

    public override long[] Shape => convolution.weight!.shape;

    public override ScalarType Dtype => convolution.weight!.dtype;

    public override Parameter? Bias => convolution.bias;

    public override Parameter? Parameter => convolution.weight;

    /// <summary>Number of spatial dimensions.</summary>
    public int Dimensions => convolution.kernel_size.Length;

    public long InChannels => convolution.in_channels;

    public long Groups => convolution.groups;

    public long[] KernelSize => convolution.kernel_size;

    public override Tensor Weight(ScalarType dtype) => convolution.weight!.detach().to(dtype);

    public override Tensor Operate(Tensor x, Tensor weight, Tensor? bias) =>
        Convolve(x, weight, bias, convolution.stride, Padding, convolution.dilation, convolution.groups);

    /// <summary>A convolution with this layer's stride and padding, but neither dilation nor groups.</summary>
    public Tensor ConvolveDown(Tensor x, Tensor kernel) => Convolve(x, kernel, null, convolution.stride, Padding, Ones, 1);

    /// <summary>A 1x1 convolution with this layer's groups.</summary>
    public Tensor ConvolveUp(Tensor x, Tensor kernel, Tensor? bias) => Convolve(x, kernel, bias, Ones, [.. Ones.Select(_ => 0L)], Ones, convolution.groups);

    public override void Assign(Tensor weight)
    {
        using var noGrad = no_grad();
        convolution.weight!.copy_(weight);
    }

    public override WeightBackup? BeginChange(bool isShared, bool keep)
    {
        Parameter current = convolution.weight!;
        if (isShared)
        {
            convolution.weight = ParameterCopy.Of(current);
            return new WeightBackup(dtype => current.detach().to(dtype), () => convolution.weight = current, () => { });
        }

        if (!keep)
        {
            return null;
        }

        Tensor kept = current.detach().clone().DetachFromDisposeScope();
        return new WeightBackup(dtype => kept.to(dtype), () => Assign(kept), kept.Dispose);
    }

    private long[] Ones => [.. convolution.kernel_size.Select(_ => 1L)];

    // "same" and "valid" are kept as words by the layer.
    private long[] Padding => convolution.padding_type switch
    {
        TorchSharp.Padding.Same => [.. convolution.kernel_size.Zip(convolution.dilation, (k, d) => d * (k - 1) / 2)],
        TorchSharp.Padding.Valid => [.. convolution.kernel_size.Select(_ => 0L)],
        _ => convolution.padding ?? [.. convolution.kernel_size.Select(_ => 0L)],
    };

    private Tensor Convolve(Tensor x, Tensor kernel, Tensor? bias, long[] stride, long[] padding, long[] dilation, long groups) => Dimensions switch
    {
        1 => nn.functional.conv1d(x, kernel, bias!, stride[0], padding[0], dilation[0], groups),
        2 => nn.functional.conv2d(x, kernel, bias!, stride, padding, dilation, groups),
        _ => nn.functional.conv3d(x, kernel, bias!, stride, padding, dilation, groups),
    };
}
