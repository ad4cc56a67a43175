using LoraSharp.Adapters.Copies;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Prompts;

/// <summary>A table of virtual tokens and, while training, perhaps a network that turns it into the prompt.</summary>
internal sealed class PromptEncoder : nn.Module
{
    private readonly Layers.Embedding embedding;
    private readonly nn.Module<Tensor, Tensor>[] _network;

    /// <param name="rows">The table (tokens, features).</param>
    /// <param name="network">What comes behind the table, in order, with the names among the parameters.</param>
    public PromptEncoder(Tensor rows, params (string Name, nn.Module<Tensor, Tensor> Module)[] network)
        : base(nameof(PromptEncoder))
    {
        embedding = new Layers.Embedding(ParameterCopy.New(rows));
        register_module(nameof(embedding), embedding);
        _network = [.. network.Select(part => part.Module)];
        foreach (var (name, module) in network)
        {
            register_module(name, module);
        }
    }

    /// <summary>The table.</summary>
    public Parameter Table => embedding.Weight;

    /// <summary>The prompt (tokens, features).</summary>
    public Tensor Compute()
    {
        using var scope = NewDisposeScope();
        return _network.Aggregate(embedding.Weight.alias(), (x, module) => module.call(x)).MoveToOuterDisposeScope();
    }
}
