namespace LoraSharp;

/// <summary>How TIES elects the sign of an element.</summary>
public enum MajoritySign
{
    /// <summary>The sign of the sum of the values.</summary>
    Total,

    /// <summary>The sign that occurs more often.</summary>
    Frequency,
}
