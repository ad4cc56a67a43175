using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp.Samples.Pretrain;

/// <summary>Shows what a trained model answers to questions.</summary>
internal static class SampleAnswers
{
    private const int MaxTokens = 60;

    private static readonly string[] Questions =
    [
        "I have a bad cough and my chest hurts. What can I do?",
        "My little son has a fever since last night. Should I worry?",
        "I cannot sleep at night because I think about my work.",
        "My knee is swollen after I played football.",
        "I have a red rash on my arm and it itches.",
        "Can stress cause a headache?",
        "How much water should I drink every day?",
        "My tooth hurts when I eat something sweet.",
    ];

    public static void Write(CausalLM model, Tokenizer tokenizer)
    {
        foreach (string question in Questions)
            Console.WriteLine($"Question: {question}\nAnswer:{Answer(model, tokenizer, $"Question: {question}\nAnswer:")}\n");
    }

    /// <summary>Continues a text with the most likely token, again and again, until the model ends its answer.</summary>
    public static string Answer(CausalLM model, Tokenizer tokenizer, string prompt)
    {
        using var noGrad = no_grad();
        using KvCache cache = model.NewCache();
        List<int> answer = [];
        long[] next = [.. tokenizer.EncodeToIds(prompt).Select(id => (long)id)];
        while (answer.Count < MaxTokens)
        {
            using var scope = NewDisposeScope();
            int token = (int)model.Logits(tensor(next).unsqueeze(0), cache: cache, lastOnly: true).argmax(-1).item<long>();
            if (token == tokenizer.EosId)
                break;
            answer.Add(token);
            next = [token];
        }

        return tokenizer.Decode(answer);
    }
}
