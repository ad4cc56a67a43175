using System.Text.Json.Serialization;

namespace LoraSharp.Training;

/// <summary>How <see cref="SchedulerType.WarmupStableDecay"/> rises or falls.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<DecayShape>))]
public enum DecayShape
{
    /// <summary>A straight line.</summary>
    [JsonStringEnumMemberName("linear")]
    Linear,

    /// <summary>A cosine wave.</summary>
    [JsonStringEnumMemberName("cosine")]
    Cosine,

    /// <summary>One minus the square root.</summary>
    [JsonStringEnumMemberName("1-sqrt")]
    OneMinusSqrt,
}
