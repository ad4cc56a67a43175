using System.Text.Json.Serialization;

namespace LoraSharp.Training;

/// <summary>How <see cref="SchedulerOptions.Threshold"/> is measured.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ThresholdMode>))]
public enum ThresholdMode
{
    /// <summary>As a share of the best value.</summary>
    [JsonStringEnumMemberName("rel")]
    Relative,

    /// <summary>As a distance from the best value.</summary>
    [JsonStringEnumMemberName("abs")]
    Absolute,
}
