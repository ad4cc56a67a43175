using LoraSharp.Adapters;
using LoraSharp.Adapters.Files;

namespace LoraSharp;

/// <summary>What the methods have that train a prompt instead of layers: for the library's causal language models.</summary>
public abstract record PromptConfig : AdapterConfig
{
    private protected PromptConfig()
    {
    }

    /// <summary>Number of virtual tokens. Default: 20.</summary>
    public int VirtualTokens { get; init; } = 20;

    /// <summary>Features of a virtual token, filled in from the model.</summary>
    internal int TokenDim { get; init; }

    /// <summary>Layers, filled in from the model.</summary>
    internal int Layers { get; init; }

    /// <summary>Heads, filled in from the model.</summary>
    internal int Heads { get; init; }

    internal override void Validate()
    {
        base.Validate();
        RequireRank(VirtualTokens, "virtualTokens");

        if (ModulesToSave.Count > 0)
        {
            throw Invalid("modulesToSave is set; prompts are trained alone");
        }
    }

    /// <summary>Reads the keys that all prompts have.</summary>
    internal static T Read<T>(ConfigReader json, T config)
        where T : PromptConfig
    {
        json.Ignore("num_transformer_submodules");
        return json.Common(config with
        {
            VirtualTokens = json.Integer("num_virtual_tokens", 20),
            TokenDim = json.Integer("token_dim", 0),
            Layers = json.Integer("num_layers", 0),
            Heads = json.Integer("num_attention_heads", 0),
        });
    }

    /// <summary>Writes the keys that all prompts have.</summary>
    internal void Write(ConfigWriter json)
    {
        json.Common(this);
        json.Set("num_virtual_tokens", VirtualTokens);
        json.Set("token_dim", TokenDim);
        json.Set("num_layers", Layers);
        json.Set("num_attention_heads", Heads);
        json.Set("num_transformer_submodules", 1);
    }
}
