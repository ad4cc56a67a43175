namespace LoraSharp.Tests.Models;

/// <summary>The entry point that corresponds to a class of the reference library.</summary>
internal static class ModelTask
{
    public static Func<string, LoadOptions?, PretrainedModel> Of(string className) => className switch
    {
        _ when className.EndsWith("ForSequenceClassification", StringComparison.Ordinal) => SequenceClassifier.Load,
        _ when className.EndsWith("ForCausalLM", StringComparison.Ordinal) || className.EndsWith("LMHeadModel", StringComparison.Ordinal) => CausalLM.Load,
        _ when className.EndsWith("ForTokenClassification", StringComparison.Ordinal) => TokenClassifier.Load,
        _ when className.EndsWith("ForMaskedLM", StringComparison.Ordinal) => MaskedLM.Load,
        _ when className.EndsWith("ForConditionalGeneration", StringComparison.Ordinal) => Seq2SeqLM.Load,
        _ when className.EndsWith("Model", StringComparison.Ordinal) => TextEmbedder.Load,
        _ => throw new NotSupportedException($"The runner does not know the class '{className}'."),
    };
}
