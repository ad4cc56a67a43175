using LoraSharp.Adapters.Injection;
using LoraSharp.Adapters.Planning;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora;

/// <summary>A LoRA adapter about to be added: beside layers, it can train single tokens and parameters that belong to no layer.</summary>
internal sealed class LoraPlan(nn.Module root, LoraConfig config, string adapter, bool initialize) : LayerPlan(LoraMethod.Instance, root, config, adapter, initialize)
{
    private Action? _restoreLayers;

    private LoraConfig Lora => (LoraConfig)Config;

    protected override bool TargetsOptional => Lora.TargetParameters.Count > 0 || Lora.TargetModules is { IsList: true, Names.Count: 0 };

    protected override void PrepareStructure()
    {
        if (Lora.LayerReplication.Count == 0)
        {
            return;
        }

        if (AdapterSet.Of(Root).Entries is [{ Config: LoraConfig first }, ..])
        {
            // The first adapter has made the layers.
            if (!first.LayerReplication.SequenceEqual(Lora.LayerReplication))
            {
                throw Config.Invalid("layerReplication differs from that of the adapters which the model has");
            }

            return;
        }

        if (Root is not PretrainedModel { Stack: { } stack })
        {
            throw Config.Invalid($"layerReplication repeats the layers of the library's models; a {Root.GetType().Name} has no layers that could be repeated");
        }

        if (Lora.LayerReplication.FirstOrDefault(range => range.To > stack.Config.Layers) is { } outside)
        {
            throw Config.Invalid($"layerReplication holds the range [{outside.From}, {outside.To}], but the model has {stack.Config.Layers} layers");
        }

        _restoreLayers = stack.Rearrange([.. Lora.LayerReplication.SelectMany(range => Enumerable.Range(range.From, range.To - range.From))]);
    }

    protected override void OnDiscarded() => _restoreLayers?.Invoke();

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
