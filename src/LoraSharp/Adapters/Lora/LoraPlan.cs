using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Copies;
using LoraSharp.Adapters.Injection;
using LoraSharp.Adapters.Planning;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora;

/// <summary>A LoRA adapter about to be added: beside layers, it can train single tokens and parameters that belong to no layer.</summary>
internal sealed class LoraPlan(nn.Module root, LoraConfig config, string adapter, bool initialize) : LayerPlan(LoraMethod.Instance, root, config, adapter, initialize)
{
    private LoraConfig Lora => (LoraConfig)Config;

    protected override bool TargetsOptional => Lora.TargetParameters.Count > 0 || Lora.TargetModules is { IsList: true, Names.Count: 0 };

    protected override void AddParts(IReadOnlyList<ModuleTree.Node> nodes, IReadOnlyList<ModuleTree.Node> copies, IReadOnlySet<string> targets, bool initialize)
    {
        Parts.AddRange(TokenPart.For(Lora, Root, Adapter, nodes, copies, targets));
        Parts.AddRange(ParameterPart.For(Lora, Adapter, nodes, targets, initialize));
        if (Parts.Count == 0)
        {
            throw TargetSelection.NoMatch(Config, nodes);
        }
    }
}
