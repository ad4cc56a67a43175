using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Copies;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora;

/// <summary>What LoRA is on every kind of layer: A and B, their scaling, perhaps a bias on B and a magnitude (DoRA).</summary>
internal abstract class LoraLayer : DeltaAdapter
{
    private Parameter lora_A;
    private Parameter lora_B;
    private readonly Parameter? lora_B_bias;
    private readonly Parameter? lora_magnitude_vector;
    private Tensor? _mergedFactor;

    protected LoraLayer(string name, LoraSettings settings, long[] shapeA, long[] shapeB, long outFeatures, long[]? magnitudeShape)
        : base(name)
    {
        Settings = settings;
        lora_A = ParameterCopy.New(zeros(shapeA));
        lora_B = ParameterCopy.New(zeros(shapeB));
        register_parameter(nameof(lora_A), lora_A);
        register_parameter(nameof(lora_B), lora_B);
        if (settings.HasBias)
        {
            lora_B_bias = ParameterCopy.New(zeros(outFeatures));
            register_parameter(nameof(lora_B_bias), lora_B_bias);
        }

        if (magnitudeShape is not null)
        {
            lora_magnitude_vector = ParameterCopy.New(zeros(magnitudeShape));
            register_parameter(nameof(lora_magnitude_vector), lora_magnitude_vector);
        }
    }

    /// <summary>Rank, scaling and flags.</summary>
    public LoraSettings Settings { get; set; }

    public double Scaling => Settings.Scaling;

    public double Dropout => Settings.Dropout;

    public Parameter A => lora_A;

    public Parameter B => lora_B;

    public Parameter? BBias => lora_B_bias;

    /// <summary>DoRA's magnitude, or null.</summary>
    public Parameter? Magnitude => lora_magnitude_vector;

    public override string? RowRefusal => Magnitude is null ? null : "it has a magnitude (DoRA)";

    /// <summary>Keys of A and B in a file.</summary>
    protected virtual (string A, string B) Keys => ("lora_A.weight", "lora_B.weight");

    /// <summary>A as (r, everything), and B as (out, r): views of the parameters.</summary>
    public (Tensor A, Tensor B) Matrices => (A.flatten(1), B.flatten(1));

    /// <summary>An update of the layer's weight as the matrix that B·A is.</summary>
    public virtual Tensor Flatten(Tensor delta) => delta.flatten(1);

    /// <summary>The update as (out, in, kernel...) without the scaling, shaped as the layer's weight.</summary>
    protected abstract Tensor Product(BaseLayer layer);

    /// <summary>What goes through A and B, not scaled; the input is in the adapter's type and has gone through the dropout.</summary>
    protected abstract Tensor Branch(Tensor x, BaseLayer layer);

    /// <summary>Norms of a weight as DoRA takes them, shaped to divide the weight.</summary>
    protected abstract Tensor Norm(Tensor weight);

    /// <summary>A factor for the weight, reshaped to multiply the layer's output.</summary>
    protected abstract Tensor ForOutput(Tensor factor);

    /// <summary>Sets A and B, as (r, everything) and (out, r), to new values.</summary>
    public void SetMatrices(Tensor a, Tensor b)
    {
        using var noGrad = no_grad();
        A.copy_(a.reshape(A.shape));
        B.copy_(b.reshape(B.shape));
    }

    /// <summary>Puts matrices of another rank into the place of A and B.</summary>
    public void Resize(int r, double scaling)
    {
        using var scope = NewDisposeScope();
        (lora_A, lora_B) = (Resized(nameof(lora_A), lora_A, ShapeOfA(r)), Resized(nameof(lora_B), lora_B, ShapeOfB(r)));
        Settings = Settings with { R = r, Scaling = scaling };

        Parameter Resized(string name, Parameter old, long[] shape)
        {
            if (old.shape.SequenceEqual(shape))
            {
                return old;
            }

            Parameter made = ParameterCopy.New(zeros(shape));
            made.requires_grad_(old.requires_grad);
            _internal_params[name] = made;
            old.Dispose();
            return made;
        }
    }

    /// <summary>Shape of A at another rank.</summary>
    public virtual long[] ShapeOfA(int r) => [r, .. A.shape[1..]];

    /// <summary>Shape of B at another rank.</summary>
    public virtual long[] ShapeOfB(int r) => [B.shape[0], r, .. B.shape[2..]];

    public override Tensor Delta(BaseLayer layer) => Product(layer) * Scaling;

    public override Tensor Apply(Tensor x, Tensor output, BaseLayer layer)
    {
        Tensor input = x.is_floating_point() ? x.to(A.dtype) : x;
        bool drops = training && Dropout > 0 && x.is_floating_point();
        if (drops)
        {
            input = nn.functional.dropout(input, Dropout, training: true);
        }

        Tensor update = Branch(input, layer) * Scaling;
        if (Magnitude is not { } magnitude)
        {
            return output + update.to(output.dtype);
        }

        // With dropout the base's share of the change sees the dropped input as well.
        Tensor plain = drops
            ? layer.Operate(input.to(layer.Dtype), layer.Weight(layer.Dtype), null)
            : layer.Bias is { } bias ? output - ForOutput(bias.view([-1, .. Enumerable.Repeat(1L, layer.Shape.Length - 1)])).to(output.dtype) : output;
        Tensor factor = ForOutput(Factor(layer.Weight(ScalarType.Float32), layer));
        return output + ((factor - 1) * plain.to(factor.dtype) + factor * update).to(output.dtype);
    }

    public override void RequireMergeable(BaseLayer layer, string path)
    {
        if (BBias is not null && layer.Bias is null)
        {
            throw new AdapterException($"Adapter '{path}' has a bias on B (loraBias), but a base layer has no bias that could take it. Keep the adapter unmerged.");
        }
    }

    public override Tensor Merge(Tensor weight, Tensor original, BaseLayer layer, bool roundUpdate)
    {
        if (Magnitude is null)
        {
            return base.Merge(weight, original, layer, roundUpdate);
        }

        // Unmerging needs this very factor, which no longer follows from the merged weight.
        _mergedFactor?.Dispose();
        _mergedFactor = Factor(original.to(ScalarType.Float32), layer).DetachFromDisposeScope();
        return (_mergedFactor * (weight.to(ScalarType.Float32) + Delta(layer))).to(weight.dtype);
    }

    public override Tensor Unmerge(Tensor weight, BaseLayer layer) =>
        Magnitude is null ? base.Unmerge(weight, layer) : ((weight.to(ScalarType.Float32) / _mergedFactor!) - Delta(layer)).to(weight.dtype);

    public override Tensor MergeBias(Tensor bias) => BBias is { } own ? bias + (own * Scaling).to(bias.dtype) : bias;

    public override Tensor UnmergeBias(Tensor bias) => BBias is { } own ? bias - (own * Scaling).to(bias.dtype) : bias;

    public override IEnumerable<AdapterTensor> FileTensors()
    {
        yield return new(Keys.A, A);
        yield return new(Keys.B, B);
        if (BBias is not null)
        {
            yield return new("lora_B.bias", BBias);
        }

        if (Magnitude is not null)
        {
            yield return new("lora_magnitude_vector", Magnitude);
        }
    }

    /// <summary>Sets the magnitude to the norms of the weight with this adapter in it.</summary>
    public void StartMagnitude(BaseLayer layer)
    {
        if (Magnitude is { } magnitude)
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            magnitude.copy_(Norm(layer.Weight(ScalarType.Float32) + Delta(layer)).reshape(magnitude.shape));
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _mergedFactor?.Dispose();
        }

        base.Dispose(disposing);
    }

    // m / ‖W + ΔW‖, shaped to multiply the weight; the norm is a constant to autograd.
    private Tensor Factor(Tensor weight, BaseLayer layer)
    {
        Tensor norm;
        using (no_grad())
        {
            norm = Norm(weight + Delta(layer));
        }

        return Magnitude!.view(norm.shape) / norm;
    }
}

/// <summary>Rank, scaling and flags of LoRA on one layer.</summary>
internal sealed record LoraSettings(int R, double Alpha, double Scaling, double Dropout, bool HasBias, bool UsesDora);
