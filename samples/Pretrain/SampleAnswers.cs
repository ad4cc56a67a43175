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
        {
            string prompt = $"Question: {question}\nAnswer:";
            Console.WriteLine($"{prompt}{model.Generate(tokenizer, prompt, new GenerationOptions { MaxNewTokens = MaxTokens })}\n");
        }
    }
}
