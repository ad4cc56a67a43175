using LoraSharp.Adapters.Planning;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Prompts;

/// <summary>A method that trains a prompt.</summary>
internal abstract class PromptMethod : AdapterMethod
{
    public sealed override AdapterPlan Plan(nn.Module root, AdapterConfig config, string adapter, bool initialize) =>
        new PromptPlan(this, root, (PromptConfig)config, adapter, initialize);

    /// <summary>Fills in what follows from the model's sizes.</summary>
    public virtual PromptConfig Complete(PromptConfig config, TransformerConfig model) =>
        config with { TokenDim = model.Embedding.Size, Layers = model.Layers, Heads = model.Attention.Heads };

    /// <summary>Features of a virtual token in a file.</summary>
    public virtual int Width(PromptConfig config) => config.TokenDim;

    /// <summary>A new encoder.</summary>
    public abstract PromptEncoder Encoder(PromptConfig config, CausalLM model);

    /// <summary>The prompt over an encoder.</summary>
    public virtual PromptAdapter Adapter(PromptConfig config, CausalLM model, string adapter, PromptEncoder encoder) => new TokenPrompt(adapter, encoder, config.VirtualTokens);
}
