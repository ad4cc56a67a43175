namespace LoraSharp.Benchmarks.Kernels;

/// <summary>One measured figure.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Value">The figure in words.</param>
/// <param name="Ratio">The speed as a part of the yardstick's.</param>
/// <param name="Yardstick">What it is compared with.</param>
/// <param name="Floor">The ratio under which the check fails: about a third of what an idle machine gives in the form that floors were recorded for.</param>
internal sealed record KernelFigure(string Name, string Value, double Ratio, string Yardstick, double Floor)
{
    public bool Holds => Ratio >= Floor;
}
