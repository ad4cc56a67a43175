using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>Gated feed-forward layer (Shazeer 2020, SwiGLU): down(silu(gate(x)) · up(x)).</summary>
internal sealed class GatedMlp : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> gate_proj;
    private readonly nn.Module<Tensor, Tensor> up_proj;
    private readonly nn.Module<Tensor, Tensor> down_proj;

    public GatedMlp(Linear gate, Linear up, Linear down)
        : base(nameof(GatedMlp))
    {
        gate_proj = gate;
        up_proj = up;
        down_proj = down;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return down_proj.call(nn.functional.silu(gate_proj.call(x)) * up_proj.call(x)).MoveToOuterDisposeScope();
    }
}
