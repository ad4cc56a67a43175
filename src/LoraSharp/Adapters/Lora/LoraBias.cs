namespace LoraSharp;

/// <summary>Which biases of the base model train together with a LoRA adapter.</summary>
public enum LoraBias
{
    /// <summary>None.</summary>
    None,

    /// <summary>Every bias of the model.</summary>
    All,

    /// <summary>The biases of the adapted layers.</summary>
    LoraOnly,
}
