namespace LoraSharp.Adapters.Lora;

/// <summary>The modules that LoRA adapts when a configuration names none, by architecture (PEFT's table).</summary>
internal static class LoraTargets
{
    private static readonly string[] QueryAndValue = ["q_proj", "v_proj"];
    private static readonly string[] Queried = ["query", "value"];

    private static readonly Dictionary<string, string[]> ByModelType = new(StringComparer.Ordinal)
    {
        ["bart"] = QueryAndValue,
        ["bert"] = Queried,
        ["cohere"] = QueryAndValue,
        ["deberta"] = ["in_proj"],
        ["deberta-v2"] = ["query_proj", "value_proj"],
        ["distilbert"] = ["q_lin", "v_lin"],
        ["electra"] = Queried,
        ["falcon"] = ["query_key_value"],
        ["gemma"] = QueryAndValue,
        ["gemma2"] = QueryAndValue,
        ["gemma3_text"] = QueryAndValue,
        ["gpt2"] = ["c_attn"],
        ["gpt_neox"] = ["query_key_value"],
        ["granite"] = QueryAndValue,
        ["llama"] = QueryAndValue,
        ["mbart"] = QueryAndValue,
        ["mistral"] = QueryAndValue,
        ["mixtral"] = QueryAndValue,
        ["modernbert"] = ["Wqkv"],
        ["olmo2"] = QueryAndValue,
        ["opt"] = QueryAndValue,
        ["phi"] = QueryAndValue,
        ["phi3"] = ["qkv_proj"],
        ["qwen2"] = QueryAndValue,
        ["qwen3"] = QueryAndValue,
        ["qwen3_moe"] = QueryAndValue,
        ["roberta"] = Queried,
        ["smollm3"] = QueryAndValue,
        ["stablelm"] = QueryAndValue,
        ["t5"] = ["q", "v"],
        ["xlm-roberta"] = Queried,
    };

    public static IReadOnlyList<string>? For(string modelType) => ByModelType.GetValueOrDefault(modelType);
}
