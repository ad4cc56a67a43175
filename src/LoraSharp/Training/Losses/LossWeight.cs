namespace LoraSharp.Training.Losses;

/// <summary>How a micro-batch counts in its window.</summary>
/// <param name="Divisor">Labels of the whole window: what the sum of the losses is divided by.</param>
/// <param name="MicroBatches">Micro-batches of the window: means over batches are divided by it.</param>
/// <param name="Scale">What the result is multiplied by, for float16.</param>
internal readonly record struct LossWeight(double Divisor, int MicroBatches = 1, double Scale = 1);
