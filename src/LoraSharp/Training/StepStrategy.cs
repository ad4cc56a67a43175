namespace LoraSharp.Training;

/// <summary>When to log, to evaluate or to save.</summary>
public enum StepStrategy
{
    /// <summary>Never.</summary>
    No,

    /// <summary>Every so many optimizer steps, and at the last one.</summary>
    Steps,

    /// <summary>At the end of each epoch.</summary>
    Epoch,

    /// <summary>For saving only: after each evaluation that is better than all before it.</summary>
    Best,
}
