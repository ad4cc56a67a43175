using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Prompts;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.PromptTuning;

/// <summary>Prompt tuning.</summary>
internal sealed class PromptTuningMethod : PromptMethod
{
    public static PromptTuningMethod Instance { get; } = new();

    public override string PeftType => "PROMPT_TUNING";

    public override AdapterConfig Read(ConfigReader json)
    {
        json.Ignore("tokenizer_kwargs");
        return PromptConfig.Read(json, new PromptTuningConfig
        {
            InitName = json.Text("prompt_tuning_init", "RANDOM"),
            InitText = json.Text("prompt_tuning_init_text"),
            TokenizerName = json.Text("tokenizer_name_or_path"),
        });
    }

    public override void Write(AdapterConfig config, ConfigWriter json)
    {
        var prompt = (PromptTuningConfig)config;
        prompt.Write(json);
        json.Set("prompt_tuning_init", prompt.InitTokens is null ? prompt.InitName : "TEXT");
        json.Set("prompt_tuning_init_text", prompt.InitText);
        json.Set("tokenizer_name_or_path", prompt.TokenizerName);
        json.Set("tokenizer_kwargs", null);
    }

    public override PromptEncoder Encoder(PromptConfig config, CausalLM model)
    {
        if (((PromptTuningConfig)config).InitTokens is not { } tokens)
        {
            return new PromptEncoder(randn(config.VirtualTokens, config.TokenDim));
        }

        if (tokens.Max() >= model.Stack.Config.VocabSize)
        {
            throw config.Invalid($"initTokens holds {tokens.Max()}, but the model has {model.Stack.Config.VocabSize} tokens");
        }

        long[] repeated = [.. Enumerable.Range(0, config.VirtualTokens).Select(i => tokens[i % tokens.Count])];
        return new PromptEncoder(model.Stack.Tokens.Call(tensor(repeated, dtype: ScalarType.Int64)).to(ScalarType.Float32).detach().clone());
    }
}
