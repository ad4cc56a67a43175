using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Copies;
using LoraSharp.Adapters.Injection;
using LoraSharp.Adapters.Planning;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora;

/// <summary>New rows of single tokens in an embedding, and in the head that is tied to it.</summary>
internal sealed class TokenPart : PlanPart
{
    private readonly ModuleTree.Node _node;
    private readonly ModuleTree.Node? _tied;
    private readonly BaseLayer _layer;
    private readonly string _adapter;
    private readonly TokenTable _table;

    private TokenPart(ModuleTree.Node node, ModuleTree.Node? tied, BaseLayer layer, string adapter, IReadOnlyList<long> tokens)
    {
        _node = node;
        _tied = tied;
        _layer = layer;
        _adapter = adapter;
        _table = new TokenTable(layer.Weight(layer.Dtype), tokens);
    }

    public static IEnumerable<TokenPart> For(
        LoraConfig config, nn.Module root, string adapter, IReadOnlyList<ModuleTree.Node> nodes, IReadOnlyList<ModuleTree.Node> copies, IReadOnlySet<string> targets)
    {
        if (config.TrainableTokens is not { } trained)
        {
            return [];
        }

        var model = root as IPretrainedModel;
        IEnumerable<(string Name, IReadOnlyList<long> Tokens)> wanted = trained.Tokens is { } tokens
            ? [(model?.InputEmbedding ?? throw config.Invalid("trainableTokens is a list, and this model is not one of the library's, so its input embedding is not known. Give the embedding's name with the tokens"), tokens)]
            : trained.ByModule.Select(entry => (entry.Key, entry.Value));
        return [.. wanted.Select(entry => Make(entry.Name, entry.Tokens))];

        TokenPart Make(string name, IReadOnlyList<long> tokens)
        {
            ModuleTree.Node node = nodes.FirstOrDefault(n => n.Path == name || n.Path.EndsWith("." + name, StringComparison.Ordinal));
            if (node.Module is null)
            {
                throw config.Invalid($"trainableTokens names '{name}', but no module has that path or path ending");
            }

            if (targets.Contains(node.Path) || copies.Any(copy => copy.Path == node.Path) || node.Module is TunedLayer or TrainedCopy)
            {
                throw config.Invalid($"'{node.Path}' is both among the trained tokens and among the targets or modulesToSave; choose one");
            }

            BaseLayer? layer = node.Module is TrainedTokens existing ? BaseLayers.Of(existing.BaseLayer) : BaseLayers.Of(node.Module);
            if (layer is not (EmbeddingBase or LinearBase { IsQuantized: false }))
            {
                throw config.Invalid($"trainableTokens names '{node.Path}', a {node.Module.GetType().Name}; single tokens are trained in embeddings and heads");
            }

            if (tokens.FirstOrDefault(token => token >= layer.Shape[0], -1) is >= 0 and var outside)
            {
                throw config.Invalid($"trainableTokens holds {outside}, but '{node.Path}' has {layer.Shape[0]} tokens (0 to {layer.Shape[0] - 1})");
            }

            ModuleTree.RequireReplaceable(node);
            return new TokenPart(node, TiedHead(model, node, nodes, copies), layer, adapter, tokens);
        }
    }

    public override IEnumerable<PlannedTensor> Tensors() => [new PlannedTensor($"{_node.Path}.token_adapter.trainable_tokens_delta", _table.Rows)];

    public override void Attach(AdapterEntry entry)
    {
        TrainedTokens tokens = _node.Module as TrainedTokens ?? Replace(_node, new TrainedTokens(_layer));
        tokens.Add(_adapter, _table);
        entry.Paths.Add(_node.Path);
        if (_tied is { } tied && tied.Module is not AdaptedLayer)
        {
            Replace(tied, new TrainedTokens(BaseLayers.Of(tied.Module)!, tokens));
        }
    }

    public override void Discard() => _table.Dispose();

    private static TrainedTokens Replace(ModuleTree.Node node, TrainedTokens tokens)
    {
        ModuleTree.Replace(node, tokens);
        return tokens;
    }

    // A tied head with a copy of its own is no longer tied.
    private static ModuleTree.Node? TiedHead(IPretrainedModel? model, ModuleTree.Node embedding, IReadOnlyList<ModuleTree.Node> nodes, IReadOnlyList<ModuleTree.Node> copies) =>
        model is { TiesWordEmbeddings: true } && model.InputEmbedding == embedding.Path && !copies.Any(copy => copy.Path == model.OutputHead)
            ? nodes.First(node => node.Path == model.OutputHead)
            : null;
}
