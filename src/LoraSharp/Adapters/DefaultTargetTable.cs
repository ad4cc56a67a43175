namespace LoraSharp.Adapters;

/// <summary>The modules that most methods adapt when a configuration names none, by architecture (PEFT's table): the projections to queries and values.</summary>
internal static class DefaultTargetTable
{
    private static readonly string[] Projections = ["q_proj", "v_proj"];
    private static readonly string[] Queried = ["query", "value"];

    private static readonly Dictionary<string, string[]> ByModelType = new(StringComparer.Ordinal)
    {
        ["bart"] = Projections,
        ["bert"] = Queried,
        ["cohere"] = Projections,
        ["deberta"] = ["in_proj"],
        ["deberta-v2"] = ["query_proj", "value_proj"],
        ["distilbert"] = ["q_lin", "v_lin"],
        ["electra"] = Queried,
        ["falcon"] = ["query_key_value"],
        ["gemma"] = Projections,
        ["gemma2"] = Projections,
        ["gemma3_text"] = Projections,
        ["gpt2"] = ["c_attn"],
        ["gpt_neox"] = ["query_key_value"],
        ["granite"] = Projections,
        ["llama"] = Projections,
        ["mbart"] = Projections,
        ["mistral"] = Projections,
        ["mixtral"] = Projections,
        ["modernbert"] = ["Wqkv"],
        ["olmo2"] = Projections,
        ["opt"] = Projections,
        ["phi"] = Projections,
        ["phi3"] = ["qkv_proj"],
        ["qwen2"] = Projections,
        ["qwen3"] = Projections,
        ["qwen3_moe"] = Projections,
        ["roberta"] = Queried,
        ["smollm3"] = Projections,
        ["stablelm"] = Projections,
        ["t5"] = ["q", "v"],
        ["xlm-roberta"] = Queried,
    };

    public static IReadOnlyList<string>? Find(string modelType) => ByModelType.GetValueOrDefault(modelType);
}
