using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Copies;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.AdaLora;

/// <summary>AdaLoRA on a linear layer: A (r, in), B (out, r) and the singular values E (r, 1).</summary>
internal sealed class AdaLoraLayer : DeltaAdapter
{
    /// <summary>Keeps the scaling finite, as the reference does.</summary>
    private const double Epsilon = 1e-5;

    private readonly Parameter lora_A;
    private readonly Parameter lora_B;
    private readonly Parameter lora_E;
    private readonly Parameter ranknum;
    private readonly double _dropout;

    public AdaLoraLayer(BaseLayer layer, int rank, AdaLoraConfig config)
        : base(nameof(AdaLoraLayer))
    {
        using var scope = NewDisposeScope();
        const double Start = 0.02;
        _dropout = config.Dropout;
        Scaling = (config.Alpha > 0 ? config.Alpha : config.InitR) / (config.InitR + Epsilon);
        lora_A = Add(nameof(lora_A), randn(rank, layer.InFeatures) * Start);
        lora_B = Add(nameof(lora_B), randn(layer.OutFeatures, rank) * Start);
        lora_E = Add(nameof(lora_E), zeros(rank, 1));

        // The reference counts this number among all parameters.
        ranknum = Add(nameof(ranknum), full(1, config.InitR, dtype: ScalarType.Float32));
        ranknum.requires_grad_(false);
    }

    public double Scaling { get; }

    public override Tensor Delta(BaseLayer layer) => lora_B.matmul(lora_A * lora_E) * Scaling;

    public override Tensor Apply(Tensor x, Tensor output, BaseLayer layer)
    {
        Tensor input = x.to(lora_A.dtype);
        if (training && _dropout > 0)
        {
            input = nn.functional.dropout(input, _dropout, training: true);
        }

        return output + (input.matmul((lora_A * lora_E).t()).matmul(lora_B.t()) * Scaling).to(output.dtype);
    }

    public override IEnumerable<AdapterTensor> FileTensors() => [new("lora_A", lora_A), new("lora_B", lora_B), new("lora_E", lora_E)];

    private Parameter Add(string name, Tensor value)
    {
        Parameter parameter = ParameterCopy.New(value);
        register_parameter(name, parameter);
        return parameter;
    }
}
