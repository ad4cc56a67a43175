using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Prompts;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.PrefixTuning;

/// <summary>Prefix tuning.</summary>
internal sealed class PrefixTuningMethod : PromptMethod
{
    public static PrefixTuningMethod Instance { get; } = new();

    public override string PeftType => "PREFIX_TUNING";

    public override AdapterConfig Read(ConfigReader json)
    {
        json.Ignore("init_weights");
        return PromptConfig.Read(json, new PrefixTuningConfig
        {
            Projection = json.Flag("prefix_projection", false),
            EncoderHiddenSize = json.Has("encoder_hidden_size") ? json.Integer("encoder_hidden_size", 0) : null,
        });
    }

    public override void Write(AdapterConfig config, ConfigWriter json)
    {
        var prefix = (PrefixTuningConfig)config;
        prefix.Write(json);
        json.Set("prefix_projection", prefix.Projection);
        json.Set("encoder_hidden_size", prefix.EncoderHiddenSize);
        json.Set("init_weights", null);
    }

    // Heads and features are those of the keys, of which there are fewer with grouped queries.
    public override PromptConfig Complete(PromptConfig config, TransformerConfig model)
    {
        var prefix = (PrefixTuningConfig)base.Complete(config, model);
        int dim = model.Attention.KvHeads * model.Attention.HeadDim;
        return prefix with { TokenDim = dim, Heads = model.Attention.KvHeads, EncoderHiddenSize = prefix.EncoderHiddenSize ?? dim };
    }

    public override int Width(PromptConfig config) => config.Layers * 2 * config.TokenDim;

    public override PromptEncoder Encoder(PromptConfig config, CausalLM model)
    {
        var prefix = (PrefixTuningConfig)config;
        int hidden = prefix.EncoderHiddenSize!.Value;
        return prefix.Projection
            ? new PromptEncoder(
                randn(prefix.VirtualTokens, prefix.TokenDim),
                ("transform", nn.Sequential(("0", nn.Linear(prefix.TokenDim, hidden)), ("1", nn.Tanh()), ("2", nn.Linear(hidden, Width(prefix))))))
            : new PromptEncoder(randn(prefix.VirtualTokens, Width(prefix)));
    }

    public override PromptAdapter Adapter(PromptConfig config, CausalLM model, string adapter, PromptEncoder encoder) =>
        new KeyValuePrompt(adapter, encoder, config.VirtualTokens, config.Layers, model.Stack.Config.Attention.HeadDim);
}
