using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>y = x·Wᵀ + b over a weight in any form. Where the form cannot be trained, autograd keeps nothing but the layer itself.</summary>
public sealed class Linear : nn.Module<Tensor, Tensor>, IRecomputable
{
    private Parameter? bias;

    /// <summary>Takes over a weight and a bias (out), or none.</summary>
    public Linear(LinearWeight weight, Parameter? bias = null)
        : base(nameof(Linear))
    {
        ArgumentNullException.ThrowIfNull(weight);
        if (bias is not null && (bias.dim() != 1 || bias.shape[0] != weight.OutFeatures))
        {
            throw new ArgumentException($"The bias has shape [{string.Join(", ", bias.shape)}]; a layer of {weight.OutFeatures} outputs needs [{weight.OutFeatures}].", nameof(bias));
        }

        Weight = weight;
        weight.InTraining = training;
        this.bias = bias?.DetachFromDisposeScope() as Parameter;
        if (weight.Parameter is { } parameter)
        {
            register_parameter("weight", parameter);
        }

        if (bias is not null)
        {
            register_parameter("bias", bias);
        }
    }

    /// <summary>The weight.</summary>
    public LinearWeight Weight { get; private set; }

    /// <summary>The bias (out), or null.</summary>
    public Parameter? Bias => bias;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        // In mixed precision autograd would keep a converted copy of each frozen weight.
        bool trainable = Weight.Parameter is { } parameter && (parameter.requires_grad || Weight.AutocastType is null);
        return trainable ? Weight.Forward(input, bias) : FrozenLinearFunction.Apply(input, this);
    }

    Tensor IRecomputable.ForBackward(Tensor input) =>
        Weight.Parameter is { requires_grad: true } ? Weight.Forward(input, bias) : FrozenLinearFunction.Apply(input, this, outputUsed: false);

    /// <inheritdoc/>
    public override void train(bool train = true)
    {
        base.train(train);
        Weight.InTraining = train;
    }

    /// <summary>Replaces the weight by one of the same sizes in another form and disposes of the old one.</summary>
    public void ReplaceWeight(LinearWeight weight)
    {
        ArgumentNullException.ThrowIfNull(weight);
        if (!ReferenceEquals(weight, Weight))
        {
            ExchangeWeight(weight).Dispose();
        }
    }

    /// <summary>Replaces the weight by one of the same sizes and gives the old one back, for instance because others share it.</summary>
    /// <param name="weight">The new weight.</param>
    /// <param name="register">False when the old weight stays this module's parameter and only the computation takes the new one.</param>
    internal LinearWeight ExchangeWeight(LinearWeight weight, bool register = true)
    {
        if (weight.OutFeatures != Weight.OutFeatures || weight.InFeatures != Weight.InFeatures)
        {
            throw new ArgumentException(
                $"The new weight is {weight.OutFeatures} x {weight.InFeatures}, the layer {Weight.OutFeatures} x {Weight.InFeatures}.", nameof(weight));
        }

        if (register)
        {
            // The weight comes before the bias in every list of parameters.
            _internal_params.Clear();
            if (weight.Parameter is { } parameter)
            {
                register_parameter("weight", parameter);
            }

            if (bias is not null)
            {
                register_parameter("bias", bias);
            }
        }

        LinearWeight old = Weight;
        Weight = weight;
        weight.InTraining = training;
        weight.AutocastType = old.AutocastType;
        return old;
    }

    /// <summary>Takes a weight and a bias with another number of outputs, and gives the old weight back.</summary>
    internal LinearWeight Resize(LinearWeight weight, Parameter? newBias)
    {
        LinearWeight old = Weight;
        _internal_params.Clear();
        Weight = weight;
        bias = newBias;
        if (weight.Parameter is { } parameter)
        {
            register_parameter("weight", parameter);
        }

        if (newBias is not null)
        {
            register_parameter("bias", newBias);
        }

        return old;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Weight.Dispose();
        }

        base.Dispose(disposing);
    }
}
