using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>An ordinary weight matrix (out, in) of float32, float16 or bfloat16.</summary>
public sealed class DenseWeight : LinearWeight
{
    /// <summary>Takes over a parameter of shape (out, in).</summary>
    public DenseWeight(Parameter parameter)
        : base(parameter.shape[0], parameter.shape[1])
    {
        parameter.DetachFromDisposeScope();
        Parameter = parameter;
    }

    /// <summary>Takes over a tensor of shape (out, in), frozen.</summary>
    public static DenseWeight Frozen(Tensor weight) => new(new Parameter(weight, requires_grad: false));

    /// <inheritdoc/>
    public override Parameter Parameter { get; }

    /// <inheritdoc/>
    public override ScalarType Dtype => Parameter.dtype;

    /// <inheritdoc/>
    public override long Bytes => Parameter.numel() * Parameter.element_size();

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x, Tensor? bias) => AutocastType is { } type
        ? nn.functional.linear(x.to(type), Parameter.to(type), bias?.to(type)!)
        : nn.functional.linear(x, Parameter, bias!);

    /// <inheritdoc/>
    public override Tensor BackwardInput(Tensor gradOutput) => AutocastType is { } type
        ? gradOutput.to(type).matmul(Parameter.to(type))
        : gradOutput.matmul(Parameter);

    /// <inheritdoc/>
    public override Tensor Dequantize(ScalarType dtype) => Parameter.detach().to(dtype, copy: true);

    /// <inheritdoc/>
    public override void Assign(Tensor dense)
    {
        using var noGrad = no_grad();
        Parameter.copy_(dense);
    }

    /// <inheritdoc/>
    public override LinearWeight Clone() => Frozen(Parameter.detach().clone());

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => Parameter.Dispose();
}
