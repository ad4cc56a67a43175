using LoraSharp.Adapters.Copies;
using LoraSharp.Adapters.Injection;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Planning;

/// <summary>Biases of the base model that train with an adapter.</summary>
internal sealed class BiasPart : PlanPart
{
    private readonly List<(string Key, Parameter Bias, Tensor New)> _biases = [];
    private readonly IReadOnlyList<CopyPart> _copies;

    /// <param name="nodes">All modules.</param>
    /// <param name="targets">Paths of the adapted ones.</param>
    /// <param name="copies">Modules with a trained copy; their biases train there.</param>
    /// <param name="mode">Which biases.</param>
    public BiasPart(IReadOnlyList<ModuleTree.Node> nodes, IReadOnlySet<string> targets, IReadOnlyList<CopyPart> copies, AdapterBias mode)
    {
        _copies = mode == AdapterBias.All ? copies : [];
        foreach (ModuleTree.Node node in nodes.Where(node => !copies.Any(copy => node.Path == copy.Path || node.Path.StartsWith(copy.Path + ".", StringComparison.Ordinal))))
        {
            bool adapted = targets.Contains(node.Path) || node.Module is AdaptedLayer;
            if (!adapted && mode != AdapterBias.All)
            {
                continue;
            }

            nn.Module module = node.Module is AdaptedLayer layer ? layer.BaseLayer : node.Module;
            foreach (var (name, parameter) in module.named_parameters(recurse: false))
            {
                // PEFT's "all" means every parameter with the word in its path (T5's relative_attention_bias.weight).
                if (mode == AdapterBias.All ? $"{node.Path}.{name}".Contains("bias", StringComparison.Ordinal) : name == "bias")
                {
                    // Values of a file go into a copy first: the model stays as it is until the adapter is attached.
                    _biases.Add(($"{node.Path}.{(adapted ? "base_layer." : "")}{name}", parameter, parameter.detach().clone().DetachFromDisposeScope()));
                }
            }
        }
    }

    public override IEnumerable<PlannedTensor> Tensors() => _biases.Select(b => new PlannedTensor(b.Key, b.New));

    public override void Attach(AdapterEntry entry)
    {
        using var noGrad = no_grad();
        foreach (var (key, bias, value) in _biases)
        {
            Tensor before = bias.detach().clone().DetachFromDisposeScope();
            bias.copy_(value);
            value.Dispose();
            entry.BaseParameters.Add((key, bias, before));
        }

        // PEFT also writes a copied module's biases under these two names; a loader ignores them.
        foreach (CopyPart copy in _copies)
        {
            foreach (var (slot, tensor) in copy.Slots.Zip(copy.Copy.Tensors, (slot, tensor) => (slot, tensor.Tensor)).Where(pair => pair.slot.Path.Contains("bias", StringComparison.Ordinal)))
            {
                entry.Extras.Add(($"{copy.Path}.modules_to_save.{slot.Path}", () => tensor));
                entry.Extras.Add(($"{copy.Path}.original_module.{slot.Path}", slot.Original));
            }
        }
    }

    public override void Discard() => _biases.ForEach(b => b.New.Dispose());
}
