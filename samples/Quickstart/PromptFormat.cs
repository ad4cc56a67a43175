using LoraSharp;

namespace Quickstart;

/// <summary>How a question and its answer are written for the model: plain text for the embedded base model, the chat template for a real chat model.</summary>
internal sealed class PromptFormat(bool plain)
{
    private const string System = "You are a doctor. Answer the patient.";

    /// <summary>The text to continue.</summary>
    public string Prompt(Tokenizer tokenizer, string patient) =>
        plain || tokenizer.ChatTemplateSource is null
            ? $"Question: {patient}\nAnswer:"
            : tokenizer.ApplyChatTemplate([new ChatMessage("system", System), new ChatMessage("user", patient)], addGenerationPrompt: true);

    /// <summary>A row to train on: only the completion is learned.</summary>
    public object Row(string patient, string doctor) =>
        plain
            ? new { prompt = $"Question: {patient}\nAnswer:", completion = " " + doctor }
            : new
            {
                prompt = new[] { new { role = "system", content = System }, new { role = "user", content = patient } },
                completion = new[] { new { role = "assistant", content = doctor } },
            };
}
