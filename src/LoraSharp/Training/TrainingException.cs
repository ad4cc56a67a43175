namespace LoraSharp.Training;

/// <summary>A training run that cannot go on or cannot start: the message names the cause, the step and the cure. The last checkpoint is intact.</summary>
public sealed class TrainingException : InvalidOperationException
{
    /// <summary>Creates the exception with a message.</summary>
    public TrainingException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a message and its cause.</summary>
    public TrainingException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
