using LoraSharp.Layers;

namespace LoraSharp.Models;

/// <summary>Trained vectors or keys and values that stand before every input of a decoder.</summary>
internal interface ISoftPrompt
{
    /// <summary>The inputs with the prompt before them; where the cache holds the prompt already, only masks and positions change.</summary>
    /// <param name="inputs">The caller's inputs.</param>
    /// <param name="tokens">The token table's place.</param>
    PromptedInputs Extend(TransformerInputs inputs, Slot tokens);
}

/// <summary>Inputs behind a prompt, with what was made for one forward pass only.</summary>
/// <param name="inputs">The inputs.</param>
/// <param name="cache">A cache to dispose of after the pass, or null.</param>
internal sealed class PromptedInputs(TransformerInputs inputs, KvCache? cache = null) : IDisposable
{
    public TransformerInputs Inputs => inputs;

    public void Dispose() => cache?.Dispose();
}
