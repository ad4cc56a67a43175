namespace LoraSharp;

/// <summary>Which biases of the base model train together with an adapter. They stay in force when adapters are disabled, as in PEFT.</summary>
public enum AdapterBias
{
    /// <summary>None.</summary>
    None,

    /// <summary>Every bias of the model.</summary>
    All,

    /// <summary>The biases of the adapted layers (PEFT: <c>lora_only</c>, <c>vera_only</c>, ...).</summary>
    AdaptedLayers,
}
