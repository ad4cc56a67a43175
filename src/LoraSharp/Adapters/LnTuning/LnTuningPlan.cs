using LoraSharp.Adapters.Injection;
using LoraSharp.Adapters.Planning;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.LnTuning;

/// <summary>Copies of norms about to be added.</summary>
internal sealed class LnTuningPlan : AdapterPlan
{
    public LnTuningPlan(nn.Module root, AdapterConfig config, string adapter)
        : base(root, config, adapter)
    {
        Config = TargetSelection.Resolve(config.Method, config, root, targetsOptional: false);
        ModuleTree.Node[] nodes = [.. ModuleTree.Walk(root)];
        IReadOnlyList<ModuleTree.Node> copies = TargetSelection.Copies(Config, nodes), norms = TargetSelection.Targets(Config, nodes);
        if (norms.Count == 0)
        {
            throw TargetSelection.NoMatch(Config, nodes);
        }

        Parts.AddRange(norms.Select(node => new CopyPart(node, adapter, LnTuningMethod.KeyPrefix)));
        Parts.AddRange(copies.Select(node => new CopyPart(node, adapter)));
    }
}
