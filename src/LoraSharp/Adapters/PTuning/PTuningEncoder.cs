namespace LoraSharp;

/// <summary>The network behind a P-tuning prompt.</summary>
public enum PTuningEncoder
{
    /// <summary>Three linear layers.</summary>
    Mlp,

    /// <summary>A bidirectional LSTM and two linear layers.</summary>
    Lstm,
}
