using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora;

/// <summary>LoRA on a linear layer: y += s · B(A(dropout(x))), A (r, in), B (out, r), both float32 by default.</summary>
internal sealed class LoraLinear : LinearAdapter
{
    private readonly Parameter lora_A;
    private readonly Parameter lora_B;

    public LoraLinear(long inFeatures, long outFeatures, int r, double scaling, double dropout, ScalarType dtype = ScalarType.Float32)
        : base(nameof(LoraLinear))
    {
        R = r;
        Scaling = scaling;
        Dropout = dropout;
        lora_A = New([r, inFeatures]);
        lora_B = New([outFeatures, r]);
        nn.init.kaiming_uniform_(lora_A, Math.Sqrt(5));
        RegisterComponents();

        Parameter New(long[] shape) => (Parameter)new Parameter(zeros(shape, dtype: dtype)).DetachFromDisposeScope();
    }

    public int R { get; }

    public double Scaling { get; }

    public double Dropout { get; }

    public Parameter A => lora_A;

    public Parameter B => lora_B;

    public override Tensor Apply(Tensor x, Tensor output, Layers.Linear layer)
    {
        Tensor input = x.to(lora_A.dtype);
        if (training && Dropout > 0)
        {
            input = nn.functional.dropout(input, Dropout, training: true);
        }

        Tensor update = input.matmul(lora_A.t()).matmul(lora_B.t()) * Scaling;
        return output + update.to(output.dtype);
    }

    public override Tensor? ApplyFused(Tensor x, Layers.Linear layer)
    {
        // Training the base weight as well needs its gradient, which the fused node does not give.
        bool plain = layer.Weight.Parameter is not { requires_grad: true };
        return plain ? LoraLinearFunction.Apply(x, this, layer) : null;
    }

    public override Tensor DeltaWeight(Layers.Linear layer) => lora_B.to(ScalarType.Float32).matmul(lora_A.to(ScalarType.Float32)).mul_(Scaling);

    public override IEnumerable<(string Key, Parameter Tensor)> FileTensors() => [("lora_A.weight", lora_A), ("lora_B.weight", lora_B)];
}
