# Twin of reference/audio_levels.py.


cdef void levels_note(AudioLevels* levels, const uint8_t* data, Elements* elements, int64_t now) noexcept nogil:
    cdef Element* found = find_element(elements, levels.element_id)
    cdef LevelSample* sample
    if found == NULL or not levels.capacity:
        return
    if levels.samples == NULL:
        levels.samples = <LevelSample*>malloc(levels.capacity * sizeof(LevelSample))
        if levels.samples == NULL:
            return
    if levels.count == levels.capacity:
        levels.first = (levels.first + 1) % levels.capacity
        levels.count -= 1
    sample = &levels.samples[(levels.first + levels.count) % levels.capacity]
    sample.arrival = now
    sample.value = data[found.start] if found.size == 1 else -1
    levels.count += 1
