using LoraSharp.Models;
using LoraSharp.Tests.Golden;

namespace LoraSharp.Tests.Models;

public class ModelGoldenTests
{
    private static readonly string[] KnownParameters =
        ["class", "task", "attn_implementation", "dtype", "gradients", "cache", "max_new_tokens", "num_items_in_batch", "output_router_logits"];

    [Theory, GoldenCases("model")]
    public void Golden(string name)
    {
        var golden = new GoldenCase("model", name);
        golden.RequireKnownParameters(KnownParameters);
        string task = golden.Parameters.GetProperty("task").GetString()!;
        Action<GoldenCase> check = task switch
        {
            "causal-lm" => CausalCase.Check,
            "sequence-classification-causal" or "sequence-classification" => ClassifierCase.Check,
            "masked-lm" => EncoderCases.CheckMasked,
            "token-classification" => EncoderCases.CheckTokens,
            "base-model" => EncoderCases.CheckBase,
            "seq2seq-lm" => Seq2SeqCase.Check,
            "load" => LoadCase.Check,
            _ => throw new NotSupportedException($"The runner does not know the task '{task}'."),
        };
        check(golden);
    }
}
